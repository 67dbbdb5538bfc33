import type { Bench } from '../bench.ts';
import { type Case, Failure } from '../case.ts';
import { neither, shouldBe } from '../expect.ts';

const MUST = { netstring: 'MUST' } as const;
const SHOULD = { netstring: 'SHOULD' } as const;
const BROKEN = '5x:m abc,';

/** What comes before our half ends, and then. */
async function repliesTo(bench: Bench, bytes: string): Promise<readonly string[]> {
  const wire = await bench.connect();
  wire.send(bytes);
  const replies = await wire.repliesThatCome();
  wire.end();
  return [...replies, ...(await wire.repliesThatCome())];
}

/** What follows bytes that are not a frame. A line has no such bytes: the next one begins behind the next line feed. */
export const ERROR: readonly Case[] = [
  {
    id: 'error/end/1',
    on: SHOULD,
    rule: 'A broken frame ends the connection.',
    why: 'Nobody knows where the next frame begins. A client that is left waiting waits 30 s (Sendmail) or 100 s (Postfix).',
    run: async (bench) => {
      const wire = await bench.connect();
      wire.send(BROKEN);
      await wire.repliesUntilEnd();
    },
  },
  {
    id: 'error/end/2',
    on: MUST,
    rule: 'What follows a broken frame is not answered with OK or NOTFOUND.',
    why: 'Nobody knows where the next frame begins, so what looks like a request may be a part of a key.',
    run: async (bench) => {
      for (const reply of await repliesTo(bench, BROKEN + bench.frame(bench.any.payload))) neither(reply);
    },
  },
  {
    id: 'error/end/3',
    on: MUST,
    rule: 'A broken frame gets one reply at most.',
    why: 'The second one is taken for the reply to the next request.',
    run: async (bench) => {
      const { length } = await repliesTo(bench, BROKEN);
      if (length > 1) throw new Failure(`${length} replies came`);
    },
  },
  {
    id: 'error/word/1',
    on: SHOULD,
    rule: 'The reply to a broken frame, if there is one, is TEMP.',
    why: 'Sendmail makes 550 of PERM (map.c, EX_UNAVAILABLE), though nothing was said about the mailbox.',
    run: async (bench) => {
      for (const reply of await repliesTo(bench, BROKEN)) shouldBe('TEMP', reply);
    },
  },
  {
    id: 'error/before/1',
    on: SHOULD,
    rule: 'A request before a broken frame gets its reply, and the connection ends without a reset.',
    why: 'Over TCP, a reset destroys a reply that the client has not read yet. It comes if a server closes before it has read everything (RFC 1122, 4.2.2.13).',
    run: async (bench) => {
      const wire = await bench.connect({ seesReset: true });
      wire.send(bench.frame(bench.any.payload) + BROKEN);
      bench.any.check(await wire.reply());
      await wire.repliesUntilEnd();
      if (wire.isReset) throw new Failure('the connection was reset');
    },
  },
];
