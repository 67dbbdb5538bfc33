import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foldLocal } from '../../src/address/address.ts';
import { formatMailboxLine, parseMailboxLine } from '../../src/store/line.ts';
import { STATES } from '../../src/vocabulary.ts';

const fred = { local: 'fred', domain: 'example.org', state: 'active', folders: [] as string[] } as const;

describe('a line of an import', () => {
  it.each([
    ['an address', 'fred@example.org', fred],
    ['blanks around it', '  fred@example.org\t', fred],
    ['a carriage return at its end', 'fred@example.org\r', fred],
    ['capitals, which are folded', 'FRED@Example.ORG', fred],
    ['a state', 'fred@example.org state=overquota', { ...fred, state: 'overquota' }],
    ['folders', 'fred@example.org folder=abc folder=abc/Deep', { ...fred, folders: ['abc', 'abc/Deep'] }],
    ['a folder twice', 'fred@example.org folder=abc folder=abc', { ...fred, folders: ['abc'] }],
    ['a quoted folder', 'fred@example.org folder="with space"', { ...fred, folders: ['with space'] }],
    ['a quoted pair', String.raw`fred@example.org folder="a\"b\\"`, { ...fred, folders: [String.raw`a"b\ `.trim()] }],
    ['a quoted local part', '"quo ted"@example.org folder=a', { ...fred, local: 'quo ted', folders: ['a'] }],
    ['the shared folders of a domain', '@example.org folder=news', { ...fred, local: '', folders: ['news'] }],
    ['a hash within', 'fred#1@example.org', { ...fred, local: 'fred#1' }],
  ])('has %s', (_, text, mailbox) => {
    expect(parseMailboxLine(text)).toEqual(mailbox);
  });

  it.each(['', '   ', '\t\r', '# a comment', '  # fred@example.org'])('is left out: %j', (text) => {
    expect(parseMailboxLine(text)).toBeNull();
  });

  it.each([
    ['fred', 'fred: has no domain; give user@domain'],
    ['fred@', 'fred@: has nothing after the @'],
    ['@', '@: has nothing before the @'],
    ['@exa mple.org', 'mple.org: neither state=STATE nor folder=NAME'],
    ['fred@example.org state=gone', 'state=gone: a state is one of active, disabled, overquota'],
    ['fred@example.org folder', 'folder: neither state=STATE nor folder=NAME'],
    ['fred@example.org folder=', 'folder=: neither state=STATE nor folder=NAME'],
    ['fred@example.org folder=""', 'a folder has no name'],
    ['fred@example.org joe@example.org', 'joe@example.org: neither state=STATE nor folder=NAME'],
    ['fred@example.org folder="a', 'folder=: neither state=STATE nor folder=NAME'],
    ['fred@example.org folder=a\u0001', 'folder "a\\u0001": has a control character'],
  ])('is wrong: %j', (text, flaw) => {
    expect(parseMailboxLine(text)).toEqual({ flaw });
  });

  it('is read back as it was written, whatever stands in it', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((raw) => !/[\p{Cc}]/u.test(raw));
    const mailbox = fc.record({
      local: fc.oneof(text.map(foldLocal), fc.constant('')),
      domain: fc.constantFrom('example.org', 'xn--bcher-kva.example', '[192.0.2.1]'),
      state: fc.constantFrom(...STATES),
      folders: fc.uniqueArray(
        text.map((raw) => raw.normalize('NFC')),
        { maxLength: 3 },
      ),
    });
    fc.assert(
      fc.property(mailbox, (given) => {
        expect(parseMailboxLine(formatMailboxLine(given))).toEqual(given);
      }),
      { numRuns: 2_000 },
    );
  });
});
