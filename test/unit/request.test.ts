import { describe, expect, it } from 'vitest';
import { formatRequest, parseRequest } from '../../src/protocol/request.ts';

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
    expect(parseRequest(Buffer.from(payload))).toEqual(request);
  });

  it.each([
    ['Latin-1', [0xe9]],
    ['a cut sequence', [0xc3]],
    ['an overlong form', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
  ])('has the key null if it is not UTF-8: %s', (_, key) => {
    expect(parseRequest(Buffer.from([...Buffer.from('cyrus a'), ...key]))).toEqual({ map: 'cyrus', key: null });
  });

  it.each(['', 'cyrus', 'cyrus\tfred', 'jürgen'])('is not valid without a blank: %j', (payload) => {
    expect(parseRequest(Buffer.from(payload))).toBeNull();
  });

  it('is read as it was written', () => {
    expect(parseRequest(Buffer.from(formatRequest('cyrus', 'a b@é')))).toEqual({ map: 'cyrus', key: 'a b@é' });
  });
});
