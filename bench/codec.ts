import { createRequire } from 'node:module';
import { NetstringDecoder, encodeNetstring } from '../src/protocol/netstring.ts';
import { formatReply } from '../src/protocol/reply.ts';
import { parseRequest } from '../src/protocol/request.ts';
import type { Part } from './bench.ts';
import { median } from './median.ts';
import { CYRUS_MAP, addressOf, requestFor } from './request.ts';
import { formatFixed, formatTable } from './table.ts';

/** The npm package `netstring` loads through a private API of Node (`process.binding`), which only require() has. */
const second = createRequire(import.meta.url)('netstring') as {
  nsWrite(payload: string): string;
  nsPayload(stream: Buffer, offset: number): Buffer | -1;
  nsLength(stream: Buffer, offset: number): number;
};

interface Race {
  readonly name: string;
  /** How many frames one call codes. */
  readonly frames: number;
  readonly ours: () => unknown;
  /** Null where the other one has nothing like it. */
  theirs: (() => unknown) | null;
}

const PIPELINED = 100;
const REQUEST_BYTES = 10_000;
const REPLY_BYTES = 100_000;
const ROUNDS = 9;
const ROUND_MS = 30;
const CALLS = 1_000;

/** Nanoseconds for each frame, ours against the npm package `netstring`. */
export const codecPart: Part = ({ print }) => {
  const rows = races().map(({ name, frames, ours, theirs }) => {
    const oursNs: number[] = [];
    const theirsNs: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      oursNs.push(nsOf(ours) / frames);
      if (theirs !== null) theirsNs.push(nsOf(theirs) / frames);
    }
    const ratio = median(theirsNs.map((ns, round) => ns / (oursNs[round] as number)));
    return [name, formatFixed(median(oursNs), 0), formatFixed(median(theirsNs), 0), formatFixed(ratio, 1)];
  });
  print(`\nCodec: nanoseconds for each frame, medians of ${ROUNDS}\n`);
  print(formatTable(['frame', 'smmap', 'netstring', 'times faster'], rows));
  return Promise.resolve([]);
};

function races(): Race[] {
  const key = addressOf(500_000);
  const request = Buffer.from(requestFor(CYRUS_MAP, key));
  const pipelined = Buffer.from(requestFor(CYRUS_MAP, key).repeat(PIPELINED));
  const long = Buffer.from(encodeNetstring('x'.repeat(REQUEST_BYTES)));
  const halves = [request.subarray(0, 12), request.subarray(12)];
  const payload = request.subarray(request.indexOf(':') + 1, -1);
  const utf8Payload = Buffer.from('cyrus jürgen@bücher.example');
  const reply = `OK ${key}`;
  const utf8Reply = 'OK jürgen@bücher.example';
  const decoder = new NetstringDecoder(REQUEST_BYTES);

  const decode = (...chunks: readonly Buffer[]): number => {
    let bytes = 0;
    for (const chunk of chunks) {
      decoder.push(chunk);
      for (let next = decoder.next(); next !== null; next = decoder.next()) bytes += next.length;
    }
    return bytes;
  };
  const decodeSecond = (stream: Buffer): number => {
    let bytes = 0;
    for (let at = 0; at < stream.length; at += second.nsLength(stream, at)) {
      bytes += (second.nsPayload(stream, at) as Buffer).length;
    }
    return bytes;
  };
  return [
    { name: 'decode a request', frames: 1, ours: () => decode(request), theirs: () => decodeSecond(request) },
    {
      name: `decode one of ${PIPELINED} requests in a chunk`,
      frames: PIPELINED,
      ours: () => decode(pipelined),
      theirs: () => decodeSecond(pipelined),
    },
    { name: 'decode a request in two chunks', frames: 1, ours: () => decode(...halves), theirs: null },
    { name: `decode ${REQUEST_BYTES} bytes`, frames: 1, ours: () => decode(long), theirs: () => decodeSecond(long) },
    { name: 'parse a request', frames: 1, ours: () => parseRequest(payload), theirs: null },
    { name: 'parse a request, UTF-8', frames: 1, ours: () => parseRequest(utf8Payload), theirs: null },
    { name: 'encode a reply', frames: 1, ours: () => encodeNetstring(reply), theirs: () => second.nsWrite(reply) },
    {
      name: 'encode a reply, UTF-8',
      frames: 1,
      ours: () => encodeNetstring(utf8Reply),
      theirs: () => second.nsWrite(utf8Reply),
    },
    {
      name: 'format and encode a reply',
      frames: 1,
      ours: () => encodeNetstring(formatReply({ kind: 'OK', value: key }, REPLY_BYTES)),
      theirs: null,
    },
  ];
}

let sink: unknown; // what is computed has to go somewhere, or the compiler leaves it out

function nsOf(call: () => unknown): number {
  const fromMs = performance.now();
  let calls = 0;
  let tookMs = 0;
  while (tookMs < ROUND_MS) {
    for (let i = 0; i < CALLS; i++) sink = call();
    calls += CALLS;
    tookMs = performance.now() - fromMs;
  }
  if (sink === undefined) throw new Error('nothing was computed');
  return (tookMs * 1e6) / calls;
}
