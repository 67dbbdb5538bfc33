import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAddress } from '../../src/address/address.ts';
import { formatAliasLine, parseAliasLine } from '../../src/record/alias.ts';
import { formatDomainLine, parseDomainLine } from '../../src/record/domain.ts';
import { formatEntryLine, parseEntryLine } from '../../src/record/entry.ts';
import { formatMailboxLine, parseMailboxLine } from '../../src/record/mailbox.ts';
import { STATES } from '../../src/vocabulary.ts';

const fred = {
  about: 'mailbox',
  local: 'fred',
  domain: 'example.org',
  state: 'active',
  value: '',
  folders: [],
} as const;

const MORE =
  'has other words after it than state=STATE, value=TEXT and folder=NAME; to read a table of Postfix, such as ' +
  'relay_recipient_maps, give --format postmap';

describe('a line of a mailbox', () => {
  it.each([
    ['an address', 'fred@example.org', fred],
    ['blanks around it', '  fred@example.org\t', fred],
    ['a carriage return at its end', 'fred@example.org\r', fred],
    ['capitals, which a local part keeps', 'FRED@Example.ORG', { ...fred, local: 'FRED' }],
    ['a value', 'fred@example.org value=8:8:/home/fred', { ...fred, value: '8:8:/home/fred' }],
    ['a quoted value', 'fred@example.org value="a b"', { ...fred, value: 'a b' }],
    ['a state', 'fred@example.org state=overquota', { ...fred, state: 'overquota' }],
    ['folders', 'fred@example.org folder=abc folder=abc/Deep', { ...fred, folders: ['abc', 'abc/Deep'] }],
    ['a folder twice', 'fred@example.org folder=abc folder=abc', { ...fred, folders: ['abc'] }],
    ['a quoted folder', 'fred@example.org folder="with space"', { ...fred, folders: ['with space'] }],
    ['a quoted pair', String.raw`fred@example.org folder="a\"b\\"`, { ...fred, folders: [String.raw`a"b\ `.trim()] }],
    ['a quoted local part', '"quo ted"@example.org folder=a', { ...fred, local: 'quo ted', folders: ['a'] }],
    ['the shared folders of a domain', '@example.org folder=news', { ...fred, local: '', folders: ['news'] }],
    ['a hash inside', 'fred#1@example.org', { ...fred, local: 'fred#1' }],
    ['a comment after it', 'fred@example.org # old', fred],
    ['a comment after a value with a #', 'fred@example.org value=#x #state=gone', { ...fred, value: '#x' }],
    ['specials in quotes', '"smtp:x"@example.org', { ...fred, local: 'smtp:x' }],
    ['dots as some phones have them', 'fred..x.@example.org', { ...fred, local: 'fred..x.' }],
    [
      'all special characters that are allowed',
      "o'br{i}en!%/=?^_`|~$&*+-@example.org",
      { ...fred, local: "o'br{i}en!%/=?^_`|~$&*+-" },
    ],
    ['a domain in brackets', 'fred@[IPv6:2001:db8::1]', { ...fred, domain: '[ipv6:2001:db8::1]' }],
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
    ['@exa mple.org', `@exa: ${MORE}`],
    ['fred@example.org state=gone', 'fred@example.org: its state is not one of active, disabled, overquota'],
    ['fred@example.org folder', `fred@example.org: ${MORE}`],
    ['fred@example.org folder=', `fred@example.org: ${MORE}`],
    ['fred@example.org OK', `fred@example.org: ${MORE}`],
    ['smtp:wilma@example.org', 'starts with smtp:, which is not part of an address'],
    ['SMTP:wilma@example.org', 'starts with SMTP:, which is not part of an address'],
    ['x:wilma@example.org', 'has : outside quotes'],
    ['fred@example.org,wilma@example.org', 'has @ outside quotes'],
    ['fred;wilma@example.org', 'has ; outside quotes'],
    ['<fred@example.org>', 'has < outside quotes'],
    ['fred(comment)@example.org', 'has ( outside quotes'],
    [String.raw`CORP\fred@example.org`, String.raw`has \ outside quotes`],
    ['fr"ed"@example.org', 'has " outside quotes'],
    ['fr\u00a0ed@example.org', 'has a blank outside quotes'],
    ['fred@example.org@', 'has @ outside quotes'],
    ['\ufefffred@example.org', 'has an invisible character (U+FEFF) outside quotes'],
    ['fr\u200bed@example.org', 'has an invisible character (U+200B) outside quotes'],
    ['account@example.com|{SHA512-CRYPT}$6$secret', 'has no valid domain after the @'],
    ['fred:secret', 'has : outside quotes'],
    ['fred@example.org:secret', 'has no valid domain after the @'],
    ['fred@example.org folder=""', 'a folder has no name'],
    ['fred@example.org joe@example.org', `fred@example.org: ${MORE}`],
    ['fred@example.org folder="a', 'has a quote that is not closed'],
    [`${'a\u0301'.repeat(2_000)}@example.org`, 'is longer than the store can hold'],
    ['fred@example.org value=a\u0001', 'value "a\\u0001": has a control character'],
    ['fred@example.org folder=a\u0001', 'folder "a\\u0001": has a control character'],
  ])('is wrong: %j', (text, flaw) => {
    expect(parseMailboxLine(text)).toEqual({ flaw });
  });

  it('that has only an address is read as the same line with a comment is, and its address as a key is', () => {
    const unit = fc.constantFrom(...Array.from('aB9.-_+=@:;,<"\\([é\u200b\u{1f4ee}#'));
    const line = fc.oneof(fc.string({ unit, maxLength: 12 }), fc.stringMatching(/^[\w.+-]{1,9}@[a-z0-9_.-]{1,9}$/));
    fc.assert(
      fc.property(line, (text) => {
        const read = parseMailboxLine(text);
        expect(read).toEqual(parseMailboxLine(`${text} # comment`));
        if (read === null || 'flaw' in read || /^["@]/.test(text)) return;
        expect(parseAddress(text)).toEqual({ local: read.local, domain: read.domain });
      }),
      { numRuns: 2_000 },
    );
  });

  it('is read back as it was written, whatever stands in it', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((raw) => !/[\p{Cc}]/u.test(raw));
    const mailbox = fc.record({
      about: fc.constant('mailbox' as const),
      local: fc.oneof(
        text.map((raw) => raw.normalize('NFC')),
        fc.constant(''),
      ),
      domain: fc.constantFrom('example.org', 'xn--bcher-kva.example', '[192.0.2.1]'),
      state: fc.constantFrom(...STATES),
      value: fc.oneof(text, fc.constant('')),
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

const info = { about: 'alias', local: 'info', domain: 'example.org', targets: ['fred@example.org'] } as const;

describe('a line of an alias', () => {
  it.each([
    ['one target', 'info@example.org fred@example.org', info],
    [
      'several targets, one of them twice',
      'info@example.org  a@b.example,c,a@b.example',
      { ...info, targets: ['a@b.example', 'c'] },
    ],
    ['blanks and a tab around it', ' info@example.org\t fred@example.org \r', info],
    ['a quoted local part', '"a b"@example.org fred@example.org', { ...info, local: 'a b' }],
    ['a whole domain', '@example.org @example.com', { ...info, local: '', targets: ['@example.com'] }],
    [
      'targets that only a mail server can use',
      'info@example.org "|prog a, b", /dev/null',
      { ...info, targets: ['"|prog a, b"', '/dev/null'] },
    ],
  ])('has %s', (_, text, alias) => {
    expect(parseAliasLine(text)).toEqual(alias);
    expect(parseAliasLine(formatAliasLine(alias))).toEqual(alias);
  });

  it.each(['', ' \t', '# info@example.org fred'])('is left out: %j', (text) => {
    expect(parseAliasLine(text)).toBeNull();
  });

  it.each([
    ['info fred@example.org', 'info: has no domain; give user@domain'],
    ['info@example.org', 'info@example.org: has no target'],
    ['info@example.org ,', 'info@example.org: has no target'],
    ['info@example.org fred@', 'info@example.org: the target fred@ has nothing after the @'],
    ['info@example.org fred@exa..mple', 'info@example.org: the target fred@exa..mple has no valid domain after the @'],
    [
      'info@example.org smtp:fred@x.test',
      'info@example.org: a target starts with smtp:, which is not part of an address',
    ],
    [
      'info@example.org lmtp:[127.0.0.1]:24',
      'info@example.org: a target starts with lmtp:, which is not part of an address',
    ],
    ['info@example.org fred:secret', 'info@example.org: a target has : outside quotes'],
    ['info:x@example.org fred', 'has : outside quotes'],
    [
      `info@example.org ${'\u0301'.repeat(3_000)}@x.test`,
      'info@example.org: has a target that is too long for an address',
    ],
    [
      `info@example.org ${'fred@example.org,'.repeat(6_000)}`,
      'info@example.org: has targets of over 99000 bytes, and no mail server accepts such a long reply; ' +
        'split it into several aliases, or make it a mailing list',
    ],
    [
      `info@example.org ${Array.from({ length: 5_001 }, (_, at) => at).join(',')}`,
      'info@example.org: has over 5000 targets; split it into several aliases, or make it a mailing list',
    ],
  ])('is wrong: %j', (text, flaw) => {
    expect(parseAliasLine(text)).toEqual({ flaw });
  });
});

describe('a line of a domain', () => {
  it.each([
    ['a name', 'Example.ORG.', { about: 'domain', domain: 'example.org', class: 'mailbox' }],
    ['a comment after it', 'example.org  # old host', { about: 'domain', domain: 'example.org', class: 'mailbox' }],
    ['a comment after its class', 'example.org relay\t#x', { about: 'domain', domain: 'example.org', class: 'relay' }],
    ['a comment without a blank', 'example.org#x', { about: 'domain', domain: 'example.org', class: 'mailbox' }],
    ['a class', ' b\u00fccher.example\trelay\r', { about: 'domain', domain: 'xn--bcher-kva.example', class: 'relay' }],
  ] as const)('has %s', (_, text, domain) => {
    expect(parseDomainLine(text)).toEqual(domain);
    expect(parseDomainLine(formatDomainLine(domain))).toEqual(domain);
  });

  it.each([
    ['exa mple', 'exa: the word after it is not a class; give one of mailbox, alias, relay'],
    ['fred:secret', 'is not a domain'],
    ['.example.org', '.example.org: is not a domain'],
    [`${'\u0301'.repeat(3_000)}.org`, 'is not a domain'],
    ['fred@example.org', 'fred@example.org: is not a domain'],
    ['example.org alias x', 'example.org: has more than a class after it; give each domain its own line'],
    ['example.org example.net x', 'example.org: has more than a class after it; give each domain its own line'],
  ])('is wrong: %j', (text, flaw) => {
    expect(parseDomainLine(text)).toEqual({ flaw });
  });
});

describe('a line of a table', () => {
  const entry = { about: 'key', table: 'access', key: 'To:fred@example.org', value: 'ERROR:4.7.1:451 later' } as const;
  it.each([
    ['a key and its value', 'To:fred@example.org\tERROR:4.7.1:451 later', entry],
    ['blanks between and after', 'To:fred@example.org  ERROR:4.7.1:451 later \r', entry],
    ['a quoted key', '"a \\"b" x  y', { ...entry, key: 'a "b', value: 'x  y' }],
    [
      'a quoted local part, which keeps its quotes',
      '"a b"@example.org x',
      { ...entry, key: '"a b"@example.org', value: 'x' },
    ],
    ['a quoted hash', '"#x" y', { ...entry, key: '#x', value: 'y' }],
    [
      'a wildcard of Sendmail',
      '+*@example.org error:nouser User unknown',
      { ...entry, key: '+*@example.org', value: 'error:nouser User unknown' },
    ],
  ])('has %s', (_, text, expected) => {
    expect(parseEntryLine('access', text)).toEqual(expected);
    expect(parseEntryLine('access', formatEntryLine(expected))).toEqual(expected);
  });

  it.each([
    ['example.com', 'example.com: has no value'],
    [' example.com OK', 'starts with a blank, so it has no key'],
    ['"" OK', 'has no key'],
    ['a\u0001b OK', 'has a control character'],
    ['fred:secret', 'has no value'],
    [`${'a\u0301'.repeat(2_000)} OK`, 'is longer than the store can hold'],
  ])('is wrong: %j', (text, flaw) => {
    expect(parseEntryLine('access', text)).toEqual({ flaw });
  });

  it('is read back as it was written, whatever stands in it', () => {
    const text = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
      .filter((raw) => !/\p{Cc}/u.test(raw))
      .map((raw) => raw.normalize('NFC'));
    const value = text.map((raw) => raw.replace(/^ +| +$/g, '')).filter((raw) => raw !== '');
    fc.assert(
      fc.property(text, value, (key, given) => {
        const written = { about: 'key', table: 't', key, value: given } as const;
        expect(parseEntryLine('t', formatEntryLine(written))).toEqual(written);
      }),
      { numRuns: 2_000 },
    );
  });
});
