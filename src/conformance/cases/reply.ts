import type { Bench, Question } from '../bench.ts';
import { type Case, Failure, MUST, SHOULD } from '../case.ts';
import { legal, shouldBe } from '../expect.ts';

async function replyTo(bench: Bench, { payload }: Question): Promise<string> {
  const wire = await bench.connect();
  wire.send(bench.frame(payload));
  return wire.reply();
}

/** What a reply says. */
export const REPLY: readonly Case[] = [
  {
    id: 'reply/word/1',
    on: MUST,
    rule: 'A reply begins with OK, NOTFOUND, TEMP, TIMEOUT or PERM, and then it ends or has a blank.',
    why: '"one of the following upper case words" (op.me). Sendmail takes any other word for a refusal (map.c, EX_PROTOCOL).',
    run: async (bench) => {
      for (const question of bench.pair) legal(await replyTo(bench, question));
    },
  },
  {
    id: 'reply/ok/1',
    on: MUST,
    needs: 'known',
    rule: 'A key that is found gets OK, and there is a blank behind OK.',
    why: '"OK <space> data" (socketmap_table(5)). Sendmail reads the text behind the blank without a look, and crashes if there is none (map.c).',
    run: async (bench) => {
      const reply = await replyTo(bench, bench.known);
      shouldBe('OK', reply);
      if (!reply.startsWith('OK ')) throw new Failure('there is no blank behind OK');
    },
  },
  {
    id: 'reply/ok/2',
    on: SHOULD,
    needs: 'known',
    rule: 'The text behind OK is not empty.',
    why: 'Postfix takes an empty one for a broken table: 451 4.3.5 (seen with 3.7).',
    run: async (bench) => {
      const reply = await replyTo(bench, bench.known);
      if (/^OK ?$/.test(reply)) throw new Failure('there is no text behind OK');
    },
  },
  {
    id: 'reply/notfound/1',
    on: MUST,
    needs: 'unknown',
    rule: 'A key that is absent gets NOTFOUND.',
    why: '"NOTFOUND: the key was not found, the result is empty" (op.me). Only this word becomes 550 in every mail server.',
    run: async (bench) => shouldBe('NOTFOUND', await replyTo(bench, bench.unknown)),
  },
  {
    id: 'reply/notfound/2',
    on: { netstring: 'SHOULD', line: 'MUST' },
    needs: 'unknown',
    rule: 'There is a blank behind NOTFOUND.',
    why: '"NOTFOUND <space>" (socketmap_table(5)), though op.me has `8:NOTFOUND,`. OpenSMTPD takes it for a failure without the blank.',
    run: async (bench) => {
      if ((await replyTo(bench, bench.unknown)) === 'NOTFOUND') throw new Failure('there is no blank behind NOTFOUND');
    },
  },
];
