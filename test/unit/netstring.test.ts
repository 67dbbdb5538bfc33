import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { FramingError, NetstringDecoder, encodeNetstring } from '../../src/protocol/netstring.ts';
import { frame, payloads } from '../support/netstring.ts';

const LIMIT = 10_000;

const shared = Buffer.alloc(1_000_000);

function decode(
  chunks: readonly Buffer[],
  maxBytes = LIMIT,
): { payloads: string[]; error: string | null; unfinished: boolean } {
  const decoder = new NetstringDecoder(maxBytes);
  const found: string[] = [];
  try {
    for (const chunk of chunks) {
      chunk.copy(shared);
      decoder.push(shared, chunk.length);
      for (let payload = decoder.next(); payload !== null; payload = decoder.next()) found.push(payload);
      decoder.keep();
      shared.fill('9', 0, chunk.length); // bytes of another socket
    }
  } catch (error) {
    if (!(error instanceof FramingError)) throw error;
    return { payloads: found, error: error.message, unfinished: true };
  }
  return { payloads: found, error: null, unfinished: decoder.unfinished };
}

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

describe('the decoder', () => {
  it('finds the same payloads wherever the stream is split in two', () => {
    const sent = ['cyrus fred', '', 'm a,b:3', `m ${'x'.repeat(300)}`, 'm \xe9\x00'];
    const stream = Buffer.concat(sent.map((payload) => frame(bytes(payload))));
    for (let at = 0; at <= stream.length; at++) {
      expect(decode([stream.subarray(0, at), stream.subarray(at)])).toEqual({
        payloads: sent,
        error: null,
        unfinished: false,
      });
    }
  });

  it('finds the same payloads however the stream is split', () => {
    const cases = fc.record({
      sent: fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 8 }),
      cuts: fc.array(fc.nat(2_000), { maxLength: 12 }),
    });
    fc.assert(
      fc.property(cases, ({ sent, cuts }) => {
        const stream = Buffer.concat(sent.map((payload) => frame(Buffer.from(payload))));
        const edges = [0, ...cuts.map((cut) => cut % (stream.length + 1)).toSorted((a, b) => a - b), stream.length];
        const chunks = edges.slice(1).map((edge, at) => stream.subarray(edges[at], edge));
        const latin1 = sent.map((payload) => Buffer.from(payload).toString('latin1'));
        expect(decode(chunks)).toEqual({ payloads: latin1, error: null, unfinished: false });
      }),
    );
  });

  it('takes a stream byte by byte', () => {
    const stream = Buffer.concat([frame('m '.padEnd(LIMIT, 'k')), frame('m last')]);
    const chunks = Array.from(stream, (_, at) => stream.subarray(at, at + 1));
    expect(decode(chunks).payloads.map((payload) => payload.length)).toEqual([LIMIT, 6]);
  });

  it('is unfinished between the first byte of a frame and its comma', () => {
    const stream = bytes('3:abc,');
    for (let at = 1; at < stream.length; at++) expect(decode([stream.subarray(0, at)]).unfinished).toBe(true);
    expect(decode([stream]).unfinished).toBe(false);
  });

  it('uses at most twice the memory of what was sent, whatever length was announced', () => {
    const before = process.memoryUsage().arrayBuffers;
    const decoders = Array.from({ length: 2_000 }, () => new NetstringDecoder(LIMIT));
    for (const decoder of decoders) {
      for (const byte of ['9', '9', '9', '9', ':', 'm', ' ']) {
        decoder.push(Buffer.from(byte));
        decoder.next();
        decoder.keep();
      }
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2_000 * 100);
    expect(decoders.every((decoder) => decoder.unfinished)).toBe(true);
  });

  it.each([
    ['a length over the limit', '10001:'],
    ['a length with more digits than the limit', '100000'],
    ['a length that would overflow', '99999999999999999999999999:x,'],
    ['a leading zero', '01:a,'],
    ['two zeros', '00:,'],
    ['a minus', '-1:a,'],
    ['a plus', '+1:a,'],
    ['a leading blank', ' 1:a,'],
    ['a blank before the colon', '1 :a,'],
    ['no length', ':a,'],
    ['a length in hexadecimal', '0x1:a,'],
    ['a newline', '\n'],
    ['a NUL', '\0'],
    ['an HTTP request', 'GET / HTTP/1.1\r\n'],
    ['no comma at the end', '1:ab'],
    ['a newline instead of the comma', '1:a\n'],
  ])('refuses %s', (_, sent) => {
    expect(decode([bytes(sent)])).toMatchObject({ payloads: [], error: expect.any(String) });
    const byByte = Array.from(sent, (char) => bytes(char));
    expect(decode(byByte)).toMatchObject({ payloads: [], error: expect.any(String) });
  });

  it('returns payloads that came before the error', () => {
    expect(decode([bytes('1:a,1:b,x')])).toMatchObject({ payloads: ['a', 'b'], error: expect.any(String) });
  });

  it.each([
    [9, '9:123456789,', null],
    [9, '10:', 'a length is over 9 bytes'],
    [10, '10:1234567890,', null],
    [10, '11:', 'a length is over 10 bytes'],
  ])('with a limit of %d takes or refuses %s', (limit, sent, error) => {
    expect(decode([bytes(sent)], limit).error).toBe(error);
  });

  it('copies each byte only a few times, however many pieces a frame has', () => {
    const copy = vi.spyOn(Buffer.prototype, 'copy');
    const stream = frame('k'.repeat(200_000));
    decode(
      Array.from({ length: stream.length }, (_, at) => stream.subarray(at, at + 1)),
      1_000_000,
    );
    const copied = copy.mock.results.reduce((sum, result) => sum + Number(result.value), 0);
    expect(copied).toBeGreaterThan(stream.length / 2);
    expect(copied).toBeLessThan(stream.length * 5); // one of them is decode's own
  });
});

describe('the encoder', () => {
  it('writes netstrings that the second codec reads, and reads those that it writes', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme', maxLength: 50 })), (texts) => {
        expect(payloads(Buffer.from(texts.map(encodeNetstring).join(''))).map(String)).toEqual(texts);
        const latin1 = texts.map((text) => Buffer.from(text).toString('latin1'));
        expect(decode(texts.map((text) => frame(text))).payloads).toEqual(latin1);
      }),
    );
  });

  it('counts bytes and not characters', () => {
    expect(encodeNetstring('OK jürgen')).toBe('10:OK jürgen,');
  });
});
