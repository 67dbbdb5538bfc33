import { describe, expect, it } from 'vitest';
import { formatRequest, parseRequest } from '../../src/protocol/request.ts';

/** The bytes of a text, as a decoder gives them. */
const payloadOf = (sent: string | Buffer): string => Buffer.from(sent as string).toString('latin1');

describe('a request', () => {
  it.each([
    ['a map and a key', 'cyrus fred', { map: 'cyrus', key: 'fred' }],
    ['only the first blank', 'cyrus quo ted@example.org', { map: 'cyrus', key: 'quo ted@example.org' }],
    ['a key that starts with a blank', 'cyrus  fred', { map: 'cyrus', key: ' fred' }],
    ['an empty key', 'cyrus ', { map: 'cyrus', key: '' }],
    ['an empty name, which Cyrus allows', ' fred', { map: '', key: 'fred' }],
    ['UTF-8', 'cyrus jürgen@bücher.example', { map: 'cyrus', key: 'jürgen@bücher.example' }],
    ['NUL, CR and LF, which no address has', 'cyrus a\0\r\nb', { map: 'cyrus', key: 'a\0\r\nb' }],
  ])('is split into %s', (_, payload, request) => {
    expect(parseRequest(payloadOf(payload))).toEqual(request);
  });

  it.each([
    ['Latin-1', [0xe9]],
    ['a cut sequence', [0xc3]],
    ['an overlong form', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
  ])('has the key null if it is not UTF-8: %s', (_, key) => {
    expect(parseRequest(payloadOf(Buffer.from([...Buffer.from('cyrus a'), ...key])))).toEqual({
      map: 'cyrus',
      key: null,
    });
  });

  it.each(['', 'cyrus', 'cyrus\tfred', 'jürgen'])('is not valid without a blank: %j', (payload) => {
    expect(parseRequest(payloadOf(payload))).toBeNull();
  });

  it('has a readable map if that is not UTF-8', () => {
    expect(parseRequest(payloadOf(Buffer.from([0x63, 0xe9, 0x20, 0x61])))).toEqual({ map: 'c\ufffd', key: 'a' });
  });

  it('is read as it was written', () => {
    expect(parseRequest(payloadOf(formatRequest('cyrus', 'a b@é')))).toEqual({ map: 'cyrus', key: 'a b@é' });
  });
});
