import { describe, expect, it } from 'vitest';
import { parseAliasesLine } from '../../src/format/aliases.ts';
import type { Alias } from '../../src/store/record/alias.ts';

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
      'has a user without further aliases',
      String.raw`fred: \fred, b`,
      alias('fred', 'default.test', String.raw`\fred`, 'b'),
    ],
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
    ['has no colon', 'info fred', 'info: has no colon behind its name'],
    ['has no colon but in quotes', '"info: x" y', '"info: x": has no colon behind its name'],
    ['has no name', ': x', 'has no name before its colon'],
    ['has no value', 'info:', 'info@default.test: has no target'],
    ['has a comma only', 'info: ,', 'info@default.test: has no target'],
    ['has two names', 'a b: x', 'a b: has a blank outside quotes'],
    ['has no domain behind the @', 'info@: x', 'info@: has nothing after the @'],
    ['continues nothing', ' info: x', 'starts with a blank, but there is no line that it continues'],
  ])('%s, which is a flaw', (_, text, flaw) => {
    expect(parse(text)).toEqual({ flaw });
  });

  it.each([
    ['a blank between two values', 'info: a b'],
    ['a name with an open quote', '"info: x'],
    ['a value with an open quote', 'info: "|cat'],
    ['a control character', 'info: a\u0001'],
    ['a control character in its name', 'in\u0001fo: a'],
    ['a name of Sendmail with angle brackets', 'info: Fred <fred@x.test>'],
  ])('is a flaw for %s', (_, text) => {
    expect(parse(text)).toEqual({ flaw: expect.any(String) as string });
  });
});
