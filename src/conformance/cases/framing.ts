import { setTimeout as sleep } from 'node:timers/promises';
import { type Bench, QUIET_MS } from '../bench.ts';
import { type Case, Failure, MUST } from '../case.ts';
import { legal, neither } from '../expect.ts';

const PAUSE_MS = 5; // between two pieces, so that each is a packet of its own

const NETSTRING_MUST = { netstring: 'MUST' } as const;
const NETSTRING_SHOULD = { netstring: 'SHOULD' } as const;

/**
 * Sends bytes that are no request: whatever is replied may be neither OK nor NOTFOUND. Our half ends only then: some servers
 * do not reply to who has ended it.
 */
export function isRefused(bytesOf: (bench: Bench) => string): Case['run'] {
  return async (bench) => {
    const wire = await bench.connect();
    wire.send(bytesOf(bench));
    for (const reply of await wire.repliesThatCome(1)) neither(reply);
    wire.end();
    for (const reply of await wire.repliesThatCome()) neither(reply);
  };
}

/** The frame of a question whose length is written in another way. */
function withLength(written: (length: number) => string): (bench: Bench) => string {
  return ({ any: { payload } }) => `${written(payload.length)}:${payload},`;
}

/** How requests and replies are cut out of the stream. */
export const FRAMING: readonly Case[] = [
  {
    id: 'framing/reply/1',
    on: MUST,
    rule: 'A request gets exactly one reply, in the same framing, and nothing follows it.',
    why: '"the client sends one request, and the server sends one reply" (socketmap_table(5)), and "neither requests nor replies end with CRLF" (op.me). A byte too much is read as the begin of the next reply.',
    run: async (bench) => {
      const wire = await bench.connect();
      await bench.ask(wire, bench.any);
      await bench.nothingElse(wire, bench.pair[1]);
    },
  },
  {
    id: 'framing/silence/1',
    on: MUST,
    rule: 'The server sends nothing before the first request.',
    why: 'Postfix takes what was sent at the connect for the reply to its first request (seen with 3.7).',
    run: async (bench) => {
      const wire = await bench.connect();
      await wire.silence(QUIET_MS);
      await bench.nothingElse(wire, bench.pair[1]);
    },
  },
  {
    id: 'framing/split/1',
    on: MUST,
    rule: 'A request that comes byte by byte gets the reply that it gets in one piece.',
    why: 'A stream has no packets. Sendmail writes a request through a buffer (map.c, sm_io_fprintf).',
    run: async (bench) => {
      const wire = await bench.connect();
      await wire.sendPieces(Array.from(bench.frame(bench.any.payload)), 1);
      bench.any.check(await wire.reply());
      await bench.nothingElse(wire, bench.pair[1]);
    },
  },
  {
    id: 'framing/split/2',
    on: MUST,
    rule: 'A request that is cut in two, at any byte, gets the reply that it gets in one piece.',
    why: 'A stream has no packets. A long key is cut where the network cuts it.',
    run: async (bench) => {
      const wire = await bench.connect();
      const frame = bench.frame(bench.any.payload);
      for (let at = 1; at < frame.length; at++) {
        await wire.sendPieces([frame.slice(0, at), frame.slice(at)], PAUSE_MS);
        bench.any.check(await wire.reply());
      }
    },
  },
  {
    id: 'framing/split/3',
    on: MUST,
    rule: 'A request that comes together with the begin of the next one is answered, and so is the next one.',
    why: 'A stream has no packets.',
    run: async (bench) => {
      const wire = await bench.connect();
      const [first, second] = bench.pair;
      const next = bench.frame(second.payload);
      wire.send(bench.frame(first.payload) + next.slice(0, 4));
      first.check(await wire.reply());
      wire.send(next.slice(4));
      second.check(await wire.reply());
    },
  },
  {
    id: 'framing/length/1',
    on: NETSTRING_MUST,
    rule: 'A length counts bytes, and not characters.',
    why: '"Any string of 8-bit bytes" is a netstring (netstrings). Postfix and Sendmail send UTF-8 as it is, and count its bytes.',
    run: async (bench) => {
      const wire = await bench.connect();
      wire.send(bench.frame(`${bench.settings.map} j\xc3\xbcrgen\xe2\x82\xac@example.invalid`));
      legal(await wire.reply());
      await bench.ask(wire, bench.any);
      await bench.nothingElse(wire, bench.pair[1]);
    },
  },
  {
    id: 'framing/length/2',
    on: NETSTRING_SHOULD,
    rule: 'A length with a leading zero is not answered with OK or NOTFOUND.',
    why: '"Extra zeros at the front are prohibited" (netstrings). Two readers that differ here find different frames.',
    run: isRefused(withLength((length) => `0${length}`)),
  },
  {
    id: 'framing/length/3',
    on: NETSTRING_MUST,
    rule: 'A length with something else than digits is not answered with OK or NOTFOUND.',
    why: 'A length is a "nonempty sequence of ASCII digits" (netstrings). Bytes that are not a request are not an answerable question.',
    run: isRefused(withLength((length) => `${length}x`)),
  },
  {
    id: 'framing/length/4',
    on: NETSTRING_MUST,
    rule: 'A negative length is not answered with OK or NOTFOUND.',
    why: 'A length is a "nonempty sequence of ASCII digits" (netstrings).',
    run: isRefused(withLength((length) => `-${length}`)),
  },
  {
    id: 'framing/length/5',
    on: NETSTRING_SHOULD,
    rule: 'A length with a plus or a blank before it is not answered with OK or NOTFOUND.',
    why: 'A length is a "nonempty sequence of ASCII digits" (netstrings). Postfix refuses both (netstring.c, ISDIGIT).',
    run: async (bench) => {
      await isRefused(withLength((length) => `+${length}`))(bench);
      await isRefused(withLength((length) => ` ${length}`))(bench);
    },
  },
  {
    id: 'framing/length/6',
    on: NETSTRING_MUST,
    rule: 'A frame without a length is not answered with OK or NOTFOUND.',
    why: 'A length is a "nonempty sequence of ASCII digits" (netstrings).',
    run: isRefused(withLength(() => '')),
  },
  {
    id: 'framing/length/7',
    on: NETSTRING_MUST,
    rule: 'A request that is longer than its length says is not answered with OK or NOTFOUND.',
    why: 'The reply would be about a key that was cut off, which is somebody else.',
    run: isRefused(withLength((length) => String(length - 1))),
  },
  {
    id: 'framing/length/8',
    on: NETSTRING_MUST,
    rule: 'A request that is shorter than its length says is not answered with OK or NOTFOUND.',
    why: 'It is not whole. Its comma is a byte of the key.',
    run: isRefused(withLength((length) => String(length + 1))),
  },
  {
    id: 'framing/length/9',
    on: NETSTRING_MUST,
    rule: 'A length of 2^32 or 2^64 more than the request is not taken for that of the request.',
    why: 'A length that overflows makes the server see frames where there are none.',
    run: async (bench) => {
      for (const over of [2n ** 32n, 2n ** 64n]) {
        await isRefused(withLength((length) => String(over + BigInt(length))))(bench);
      }
    },
  },
  {
    id: 'framing/comma/1',
    on: NETSTRING_MUST,
    rule: 'A frame that ends with something else than a comma is not answered with OK or NOTFOUND.',
    why: 'The comma is the only sign that length and bytes agree (netstrings). Sendmail and Postfix both check it.',
    run: isRefused(({ any: { payload } }) => `${payload.length}:${payload};`),
  },
  {
    id: 'framing/pause/1',
    on: { netstring: 'SHOULD', line: 'SHOULD' },
    rule: 'A pause of a second within a request changes nothing.',
    why: 'A network repeats a lost packet after a second. Sendmail waits 30 s for each read, Postfix 100 s.',
    waits: true,
    run: async (bench) => {
      const wire = await bench.connect();
      const frame = bench.frame(bench.any.payload);
      wire.send(frame.slice(0, 6));
      await sleep(1_000);
      wire.send(frame.slice(6));
      bench.any.check(await wire.reply());
    },
  },
  {
    id: 'framing/line/1',
    on: { line: 'MUST' },
    rule: 'A netstring is not a line: without a line feed it gets no reply.',
    why: 'OpenSMTPD reads one line for each line that it sent (table_socketmap.c).',
    run: async (bench) => {
      const wire = await bench.connect();
      const { payload } = bench.any;
      wire.send(`${payload.length}:${payload},`);
      await wire.silence(QUIET_MS);
      wire.end();
      const replies = await wire.repliesThatCome();
      if (replies.some((reply) => reply.startsWith('OK'))) throw new Failure('a netstring was answered with OK');
    },
  },
];
