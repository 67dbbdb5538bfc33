import { describe, expect, it } from 'vitest';
import { parseAliasesLine } from '../../src/format/aliases.ts';
import type { Alias } from '../../src/record/alias.ts';

const alias = (local: string, domain: string, ...targets: string[]): Alias => ({
  about: 'alias',
  local,
  domain,
  targets,
});
const parse = (text: string): unknown => parseAliasesLine(text, 'default.test');

describe('a line of aliases(5)', () => {
  it.each([
    ['has a name', 'info: fred@x.test', alias('info', 'default.test', 'fred@x.test')],
    ['has no blank', 'info:fred', alias('info', 'default.test', 'fred')],
    ['has blanks around the colon', 'info \t:\t fred ', alias('info', 'default.test', 'fred')],
    ['has several values', 'info: a, b@x.test,c', alias('info', 'default.test', 'a', 'b@x.test', 'c')],
    ['has a value twice', 'info: a, a', alias('info', 'default.test', 'a')],
    ['has a name in quotes', '"quo ted": x', alias('quo ted', 'default.test', 'x')],
    ['has a colon in quotes', '"a:b": x', alias('a:b', 'default.test', 'x')],
    ['has an @ in quotes', '"a@b": x', alias('a@b', 'default.test', 'x')],
    ['has a quoted pair', String.raw`"a\"b": x`, alias('a"b', 'default.test', 'x')],
    ['has a name with a domain', 'info@Example.ORG: x', alias('info', 'example.org', 'x')],
    ['has a name in quotes with a domain', '"a:b"@example.org: x', alias('a:b', 'example.org', 'x')],
    ['has a catch-all, as ZMailer does', '@example.org: x', alias('', 'example.org', 'x')],
    ['has a program', 'info: |cat', alias('info', 'default.test', '|cat')],
    ['has a program with arguments', 'info: "|cat -a, -b: c"', alias('info', 'default.test', '"|cat -a, -b: c"')],
    ['has a file', 'info: /dev/null, x', alias('info', 'default.test', '/dev/null', 'x')],
    ['has a list', 'info: :include:/etc/l, x', alias('info', 'default.test', ':include:/etc/l', 'x')],
    ['has a list in quotes', 'info: ":include:/a b"', alias('info', 'default.test', '":include:/a b"')],
    [
      'leads to its own user, which means the mailbox',
      String.raw`fred: \fred, b`,
      alias('fred', 'default.test', 'fred', 'b'),
    ],
    [
      'leads to its own user after others',
      String.raw`a.b: x@y.test,\a.b`,
      alias('a.b', 'default.test', 'x@y.test', 'a.b'),
    ],
    ['leads to that user in other letters', String.raw`Fred: \fred`, alias('Fred', 'default.test', 'fred')],
    ['leads to that user with a domain', String.raw`fred: \fred@default.test`, alias('fred', 'default.test', 'fred')],
    ['leads to that user in a domain', String.raw`fred@x.test: \fred`, alias('fred', 'x.test', 'fred@x.test')],
    [
      'leads to another user without further aliases',
      String.raw`root: \fred, \root@x.test`,
      alias('root', 'default.test', String.raw`\fred`, String.raw`\root@x.test`),
    ],
    [
      'has a program and its own user, as vacation(1) says',
      String.raw`fred: \fred, "|/usr/bin/vacation fred"`,
      alias('fred', 'default.test', 'fred', '"|/usr/bin/vacation fred"'),
    ],
    ['has an address in angle brackets', 'info: <fred@x.test>', alias('info', 'default.test', 'fred@x.test')],
    ['has a name before it', 'info: Fred B. <fred@x.test>, b', alias('info', 'default.test', 'fred@x.test', 'b')],
    ['has a comment', 'info: fred (Fred, the first), b', alias('info', 'default.test', 'fred', 'b')],
    ['has a value in quotes', 'info: "a, b"@x.test', alias('info', 'default.test', '"a, b"@x.test')],
    ['has a name as it was written', 'MAILER-DAEMON: x', alias('MAILER-DAEMON', 'default.test', 'x')],
    ['has a name with a dot', 'first.last: x', alias('first.last', 'default.test', 'x')],
  ])('%s', (_, text, record) => {
    expect(parse(text)).toEqual(record);
  });

  it.each(['', ' \t\r', '# info: x', '  # indented: x'])('is left out: %j', (text) => {
    expect(parse(text)).toBeNull();
  });

  it.each([
    ['has no colon', 'info fred', 'info: has no colon after its name'],
    ['has a colon only in quotes', '"info: x" y', 'has no colon after its name'],
    ['has no name', ': x', 'has no name before its colon'],
    ['has no value', 'info:', 'info@default.test: has no target'],
    ['has a comma only', 'info: ,', 'info@default.test: has no target'],
    ['has two names', 'a b: x', 'has a blank outside quotes'],
    [
      'has a blank between two targets, which Sendmail joins',
      'info: a b',
      'info@default.test: a target has a blank outside quotes; separate targets by commas',
    ],
    ['has a semicolon', 'info: a; b', 'info@default.test: a target has ; outside quotes'],
    [
      'is a line of passwd(5)',
      'fred:secret:1000:1000::/home:/bin/sh',
      'fred@default.test: a target has : outside quotes',
    ],
    [
      'has a transport',
      'info: smtp:a@x.test',
      'info@default.test: a target starts with smtp:, which is not part of an address',
    ],
    ['has no domain after the @', 'info@: x', 'info@: has nothing after the @'],
    ['continues nothing', ' info: x', 'starts with a blank, but there is no line before it to continue'],
  ])('%s, which is a flaw', (_, text, flaw) => {
    expect(parse(text)).toEqual({ flaw });
  });

  it.each([
    ['a blank between two values', 'info: a b'],
    ['a name with an open quote', '"info: x'],
    ['a value with an open quote', 'info: "|cat'],
    ['a control character', 'info: a\u0001'],
    ['a control character in its name', 'in\u0001fo: a'],
    ['a name without its address', 'info: Fred <>'],
    ['an angle bracket that is open', 'info: Fred <fred@x.test'],
    ['a comment that is open', 'info: fred (Fred'],
    ['an address before one in angle brackets', 'info: joe@x.test <fred@x.test>'],
    ['an address after one in angle brackets', 'info: <fred@x.test> joe'],
    ['a list of Postfix with a name', 'info: friends: a, b;'],
  ])('is refused with %s', (_, text) => {
    expect(parse(text)).toEqual({ flaw: expect.any(String) as string });
  });
});
