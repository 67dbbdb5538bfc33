import { describe, expect, it } from 'vitest';
import { formatReply, parseReply, sendable } from '../../src/protocol/reply.ts';
import type { Reply } from '../../src/vocabulary.ts';

describe('a reply', () => {
  const rows: [Reply, string][] = [
    [{ kind: 'OK', value: 'fred' }, 'OK fred'],
    [{ kind: 'OK', value: 'a b' }, 'OK a b'],
    [{ kind: 'NOTFOUND' }, 'NOTFOUND '],
    [{ kind: 'TEMP', reason: 'lookup failed' }, 'TEMP lookup failed'],
    [{ kind: 'TIMEOUT', reason: 'x' }, 'TIMEOUT x'],
    [{ kind: 'PERM', reason: '' }, 'PERM '],
  ];
  it.each(rows)('%j is %j', (reply, text) => {
    expect(formatReply(reply, 100)).toBe(text);
    expect(parseReply(text)).toEqual(reply);
  });

  it.each([
    ['exactly the limit', 'x'.repeat(97), 'OK'],
    ['one byte over it', 'x'.repeat(98), 'TEMP reply too long'],
    ['characters within it and bytes over it', 'é'.repeat(49), 'TEMP reply too long'],
  ])('of %s', (_, value, start) => {
    expect(formatReply({ kind: 'OK', value }, 100)).toMatch(new RegExp(`^${start}`));
  });

  it.each<[string, Reply, Reply]>([
    ['a value that is too long', { kind: 'OK', value: 'x'.repeat(98) }, { kind: 'TEMP', reason: 'reply too long' }],
    ['a text that is too long', { kind: 'PERM', reason: 'x'.repeat(98) }, { kind: 'TEMP', reason: 'reply too long' }],
    ...['a\nb', 'a\r', '\0', '550 no\r\n250 ok'].map((value): [string, Reply, Reply] => [
      `a value with a character that ends a text or a line: ${JSON.stringify(value)}`,
      { kind: 'OK', value },
      { kind: 'TEMP', reason: 'reply is not a line' },
    ]),
    ['a text of two lines', { kind: 'PERM', reason: 'a\nb' }, { kind: 'TEMP', reason: 'reply is not a line' }],
    ['a value with a tab', { kind: 'OK', value: 'a\tb' }, { kind: 'OK', value: 'a\tb' }],
    ['a value that can be sent', { kind: 'OK', value: 'x'.repeat(97) }, { kind: 'OK', value: 'x'.repeat(97) }],
    ['an absence', { kind: 'NOTFOUND' }, { kind: 'NOTFOUND' }],
  ])('is known before it is sent: %s', (_, reply, sent) => {
    expect(sendable(reply, 100)).toEqual(sent);
  });

  it.each(['', 'OK', 'ok fred', 'OKAY fred', 'NOT FOUND', 'FOUND x', '250 ok'])(
    'breaks the protocol with %j',
    (text) => {
      expect(parseReply(text)).toBeNull();
    },
  );

  it('of other servers may have a text after NOTFOUND, or not even the blank', () => {
    expect(parseReply('NOTFOUND Mailbox does not exist')).toEqual({ kind: 'NOTFOUND' });
    expect(parseReply('NOTFOUND')).toEqual({ kind: 'NOTFOUND' });
  });
});
