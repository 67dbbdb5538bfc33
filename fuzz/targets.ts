// What is fed with bytes of strangers, and what must be so whatever they are. A target throws if it is not so.

import assert from 'node:assert/strict';
import { formatAddress, parseAddress, TooLongError } from '../src/address/address.ts';
import { parseDomain } from '../src/address/domain.ts';
import { ConfigError } from '../src/config/config.ts';
import { parseConfig } from '../src/config/load.ts';
import { createControl } from '../src/daemon/control.ts';
import { FORMATS, type Format } from '../src/format/formats.ts';
import { ListError, linesOf } from '../src/format/lines.ts';
import { type Framing, FRAMINGS, type Protocol } from '../src/protocol/framing.ts';
import { FramingError } from '../src/protocol/netstring.ts';
import { parseReply } from '../src/protocol/reply.ts';
import { formatResult, parseQuestion } from '../src/protocol/table.ts';
import { parseMailboxLine } from '../src/record/mailbox.ts';
import { formatLine } from '../src/record/record.ts';
import { parseFilter } from '../src/store/driver/ldap/filter.ts';
import { decodeMessage } from '../src/store/driver/ldap/message.ts';
import { createFrames, rowsOf } from '../src/store/driver/postgresql/received.ts';
import { DRIVERS, loadDeclarations } from '../src/store/drivers.ts';
import { ANSWERS } from './answers.ts';
import { SESSIONS } from './sessions.ts';
import type { Target } from './target.ts';

await loadDeclarations(Object.keys(DRIVERS)); // parseConfig loads none

const MOST_BYTES = 200;
const PLACES = { socket: '/run/smmap/smmap.sock', store: '/var/lib/smmap' };

/** All payloads of a stream that comes in these pieces, and the error at its end. */
function framesOf(protocol: Protocol, pieces: readonly Buffer[]): readonly string[] {
  const framing = FRAMINGS[protocol];
  const decoder = framing.decoder(MOST_BYTES);
  const found: string[] = [];
  try {
    for (const piece of pieces) {
      decoder.push(Buffer.from(piece));
      for (let payload = decoder.next(); payload !== null; payload = decoder.next()) {
        assert(payload.length <= MOST_BYTES, 'a payload is over the limit');
        framing.parse(payload);
        found.push(payload);
      }
      decoder.keep();
    }
  } catch (error) {
    if (!(error instanceof FramingError)) throw error;
    found.push('a framing error');
  }
  return found;
}

/** The same requests come out however the stream is cut. The first byte says where. */
function framesAlike(protocol: Protocol): Target {
  return (bytes) => {
    const [first = 0] = bytes;
    const stream = bytes.subarray(1);
    const cut = Math.min(first, stream.length);
    const each = Array.from(stream, (byte) => Buffer.of(byte));
    const whole = framesOf(protocol, [stream]);
    assert.deepEqual(framesOf(protocol, [stream.subarray(0, cut), stream.subarray(cut)]), whole);
    assert.deepEqual(framesOf(protocol, each), whole);
  };
}

/** A list is read, or refused with words; what was read is written and read again as the same. */
function format({ reader }: Format): Target {
  return (bytes) => {
    try {
      for (const { found: record } of reader('example.org', 'access')(linesOf([bytes]), 'list')) {
        if ('flaw' in record || 'leftOut' in record) continue;
        const line = formatLine(record);
        assert(!line.includes('\n'), 'a record is not a line');
        if (record.about === 'mailbox') assert.deepEqual(parseMailboxLine(line), record);
      }
    } catch (error) {
      if (!(error instanceof ListError)) throw error;
    }
  };
}

const formats = Object.entries(FORMATS).flatMap(([about, each]) =>
  Object.entries<Format>(each).map(([name, one]) => [`import-${about}-${name}`, format(one)] as const),
);

/** By their names, which are those of the folders of fuzz/corpus. */
export const TARGETS: Readonly<Record<string, Target>> = {
  ...ANSWERS,
  ...SESSIONS,
  netstring: framesAlike('netstring'),
  line: framesAlike('line'),
  policy: framesAlike('policy'),
  /** Whatever a reply says, it is one frame, and the client reads the same kind of reply. */
  reply: (bytes) => {
    const text = bytes.toString('utf8', 1);
    const replies = [{ kind: 'OK', value: text }, { kind: 'NOTFOUND' }, { kind: 'TEMP', reason: text }] as const;
    const reply = replies[(bytes[0] ?? 0) % replies.length] as (typeof replies)[number];
    for (const framing of Object.values<Framing>(FRAMINGS)) {
      const decoder = framing.decoder(1_000_000);
      decoder.push(Buffer.from(framing.respond(reply, MOST_BYTES)));
      const payload = decoder.next();
      assert(payload !== null && decoder.next() === null && !decoder.unfinished, 'a reply is not one frame');
      const read = parseReply(payload);
      if (framing !== FRAMINGS.policy) assert(read?.kind === reply.kind || read?.kind === 'TEMP');
    }
  },
  ...Object.fromEntries(formats),
  /** smtpd ends as a whole if a result is not one line with the id of its question. */
  'table-opensmtpd': (bytes) => {
    const question = parseQuestion(bytes.toString('latin1').replaceAll('\n', ''));
    if (question === null) return;
    for (const result of [
      { kind: 'found', value: question.key ?? '' },
      { kind: 'error', reason: bytes.toString() },
      { kind: 'not-found' },
    ] as const) {
      const line = formatResult(question, result);
      assert.equal(line.indexOf('\n'), line.length - 1);
      assert(line.startsWith(`${question.operation}-result|${question.id}|`));
    }
  },
  /** What an address is written as is the same address. */
  address: (bytes) => {
    try {
      const address = parseAddress(bytes.toString());
      if ('flaw' in address || address.domain === null) return;
      assert.deepEqual(parseAddress(formatAddress(address.local, address.domain)), address);
      assert.equal(parseDomain(address.domain), address.domain);
    } catch (error) {
      if (!(error instanceof TooLongError)) throw error;
    }
  },
  /** A configuration is read, or refused with all its mistakes. */
  toml: (bytes) => {
    try {
      parseConfig(bytes.toString(), 'smmap.toml', PLACES);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      assert(error.mistakes.length > 0);
      assert(!/undefined|\[object/.test(error.message.replace(bytes.toString(), '')), error.message);
    }
  },
  'ldap-filter': (bytes) => void parseFilter('mailbox', bytes.toString()),
  /** A message of a server is read, or it is not one. */
  'ldap-message': (bytes) => {
    try {
      assert(Number.isInteger(decodeMessage(bytes).id));
    } catch (error) {
      assert(
        error instanceof Error && !(error instanceof assert.AssertionError) && !(error instanceof TypeError),
        String(error),
      );
    }
  },
  /** Whole messages come out of PostgreSQL's bytes however they are cut, and rows only of a whole answer. */
  'postgresql-answer': (bytes) => {
    const gather = (pieces: readonly Buffer[]): Buffer => {
      const given: Buffer[] = [];
      const take = createFrames((some, length) => {
        given.push(Buffer.from(some.subarray(0, length)));
        rowsOf(some, length);
      });
      for (const piece of pieces) if (!take(Buffer.from(piece), piece.length)) return Buffer.from('no messages');
      return Buffer.concat(given);
    };
    assert.deepEqual(gather(Array.from(bytes, (byte) => Buffer.of(byte))), gather([bytes]));
  },
  /** The control socket never refuses mail of a mail server that asks there by mistake. */
  control: (bytes) => {
    const ask = createControl(() => new Map(), {});
    const [map = '', key = ''] = bytes.toString().split('\n');
    const reply = ask({ map, key });
    if (!(reply instanceof Promise)) assert(reply.kind === 'OK' || reply.kind === 'TEMP');
  },
};
