import type { Bench } from '../bench.ts';
import { type Case, Failure, MUST, SHOULD } from '../case.ts';
import { legal, neither } from '../expect.ts';

const HUGE = 999_999_999;
const ENDLESS_BYTES = 200_000;

/** A key of so many bytes gets a reply, and the next request on the same connection gets its own. */
function isAnswered(keyOf: (bench: Bench) => string): Case['run'] {
  return async (bench) => {
    const wire = await bench.connect();
    wire.send(bench.frame(`${bench.settings.map} ${keyOf(bench)}`));
    legal(await wire.reply());
    await bench.ask(wire, bench.any);
  };
}

/** Something without an end is refused, or the connection is ended, before the client has waited for long. */
function isEnded(bytes: string): Case['run'] {
  return async (bench) => {
    const wire = await bench.connect();
    wire.send(bytes);
    const reply = await wire.replyOrEnd();
    if (reply !== null) neither(reply);
  };
}

/** An address of so many characters. */
function addressOf(chars: number): string {
  const domain = '@example.invalid';
  return `${'x'.repeat(chars - domain.length)}${domain}`;
}

/** How long requests and replies may be. */
export const SIZE: readonly Case[] = [
  {
    id: 'size/key/1',
    on: MUST,
    rule: 'A key of 320 bytes is answered, and so is the next request.',
    why: 'A local part of 64 octets, @ and a domain of 255 (RFC 5321, 4.5.3.1). Every such address can be asked.',
    run: isAnswered(() => `${'x'.repeat(64)}@${'y'.repeat(63)}.${'y'.repeat(63)}.${'y'.repeat(63)}.${'y'.repeat(63)}`),
  },
  {
    id: 'size/key/2',
    on: SHOULD,
    rule: 'A key of 1,000 bytes is answered, and so is the next request.',
    why: 'Postfix asks for whatever the SMTP client wrote, in a command of up to 2,048 bytes (line_length_limit, postconf(5); seen with 3.7). Without a reply the next lookups of the session fail, too.',
    run: isAnswered(() => addressOf(1_000)),
  },
  {
    id: 'size/request/1',
    on: SHOULD,
    rule: 'A key of 10,000 bytes is answered, and so is the next request.',
    why: 'It is the longest that Postfix sends (socketmap_max_query_size, from 3.12 on; the name of the map comes to it). Without a reply the next lookups of the session fail, too.',
    run: isAnswered(() => addressOf(10_000)),
  },
  {
    id: 'size/length/1',
    on: { netstring: 'SHOULD' },
    rule: 'A length of 999,999,999 is refused, or ends the connection, before so many bytes have come.',
    why: 'A server that waits for them holds memory and a connection for whoever sends ten bytes.',
    run: isEnded(`${HUGE}:${'x'.repeat(100)}`),
  },
  {
    id: 'size/length/2',
    on: { netstring: 'SHOULD' },
    rule: 'A length without an end is refused, or ends the connection.',
    why: 'Sendmail reads at most nine digits (map.c, "%9u"), and no longer frame is possible.',
    run: isEnded('1'.repeat(1_000)),
  },
  {
    id: 'size/line/1',
    on: { line: 'SHOULD' },
    rule: 'A line of 200,000 bytes without an end is refused, or ends the connection.',
    why: 'A server that waits for its end holds memory for whoever sends bytes.',
    run: isEnded('x'.repeat(ENDLESS_BYTES)),
  },
  {
    id: 'size/reply/1',
    on: MUST,
    rule: 'A reply has at most 100,000 bytes.',
    why: '"The Postfix socketmap client requires that replies are not longer than 100000 characters" (socketmap_table(5)). It takes a longer one for an error, and defers. From 3.10 on, socketmap_max_reply_size says how long.',
    run: async (bench) => {
      const wire = await bench.connect();
      for (const { payload } of bench.pair) {
        wire.send(bench.frame(payload));
        const { length } = await wire.reply();
        if (length > 100_000) throw new Failure(`a reply has ${length} bytes`);
      }
    },
  },
];
