import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePasswdLine } from '../../src/format/passwd.ts';
import type { Mailbox } from '../../src/record/mailbox.ts';

const mailbox = (local: string, domain: string, value: string): Mailbox => ({
  about: 'mailbox',
  local,
  domain,
  state: 'active',
  value,
  folders: [],
});
const FIELDS = 'has no uid, gid and home in the fields of passwd(5)';
const NO_USER = 'the user before its first colon cannot be in an address';

describe('a line of passwd(5)', () => {
  const parse = (text: string): unknown => parsePasswdLine(text, 'default.test', 'passwd');

  it.each([
    ['has a user', 'fred:x:1000:100:Fred:/home/fred:/bin/sh', mailbox('fred', 'default.test', '1000:100:/home/fred')],
    ['has empty fields', 'fred::0:0::/:', mailbox('fred', 'default.test', '0:0:/')],
    ['has capitals', 'Fred:x:1:2::/h:', mailbox('Fred', 'default.test', '1:2:/h')],
    ['has a domain', 'fred@example.org:x:1:2::/h:', mailbox('fred', 'example.org', '1:2:/h')],
  ])('%s', (_, text, record) => {
    expect(parse(text)).toEqual(record);
  });

  it.each(['', ' \t\r', '# User Database'])('is left out: %j', (text) => {
    expect(parse(text)).toBeNull();
  });

  it.each([
    ['has too few fields', 'fred:secret:1000:100:/home/fred', 'fred@default.test: has 5 fields, but passwd(5) has 7'],
    [
      'has too many, as in master.passwd',
      'fred:secret:1:2::0:0:Fred:/h:/s',
      'fred@default.test: has 10 fields, but passwd(5) has 7',
    ],
    ['has no uid', 'fred:secret::2::/h:', `fred@default.test: ${FIELDS}`],
    ['has a uid that is a name', 'fred:x:secret:2::/h:', `fred@default.test: ${FIELDS}`],
    ['has a gid that is negative', 'fred:secret:1:-2::/h:', `fred@default.test: ${FIELDS}`],
    ['has no home', 'fred:secret:1:2:::', `fred@default.test: ${FIELDS}`],
    ['has a home that is not a path', 'fred:secret:1:2::h:', `fred@default.test: ${FIELDS}`],
    ['has a control character', 'fred:secret:1:2::/h\u0001:', 'fred@default.test: has a control character in its home'],
    ['has no user', ':secret:1:2::/h:', NO_USER],
    ['has a user with a blank', 'fred secret:x:1:2::/h:', NO_USER],
    ['has a user with quotes', '"fred":secret:1:2::/h:', NO_USER],
    ['has a user of a Windows domain', String.raw`CORP\fred:secret:1:2::/h:`, NO_USER],
  ])('%s, which is a flaw', (_, text, flaw) => {
    expect(parse(text)).toEqual({ flaw });
  });

  it.each(['+', '+::::::', '+fred:secret:::::', '-fred', '+@staff::::::'])('is for NIS and a flaw: %j', (text) => {
    const flaw = 'is a line for NIS, which has other users; import the output of getent(1) passwd instead';
    expect(parse(text)).toEqual({ flaw });
  });

  it('has no bare user without a default domain', () => {
    const flaw = 'fred: has no domain; give --default-domain';
    expect(parsePasswdLine('fred:x:1:2::/h:', null, 'passwd')).toEqual({ flaw });
  });
});

describe("a line of Dovecot's passwd-file", () => {
  const parse = (text: string): unknown => parsePasswdLine(text, 'default.test', 'dovecot');

  it.each([
    ['has a user only', 'fred', mailbox('fred', 'default.test', '')],
    ['has a user with a domain', 'fred@Example.ORG:{PLAIN}secret', mailbox('fred', 'example.org', '')],
    [
      'has it all',
      'a@x.test:{CRYPT}s:5000:5001::/v/a::userdb_mail=maildir:~/m',
      mailbox('a', 'x.test', '5000:5001:/v/a'),
    ],
    ['ends after its home', 'a@x.test:s:1:2::/v/a', mailbox('a', 'x.test', '1:2:/v/a')],
    ['has no uid', 'a@x.test:s::2::/v/a', mailbox('a', 'x.test', '')],
    ['has no home', 'a@x.test:s:1:2', mailbox('a', 'x.test', '')],
    ['has a uid by its name', 'a@x.test:s:vmail:vmail::/v/a', mailbox('a', 'x.test', '')],
    ['has a plus before its user, which is not NIS', '+a:s', mailbox('+a', 'default.test', '')],
  ])('%s', (_, text, record) => {
    expect(parse(text)).toEqual(record);
  });

  it.each(['', '# fred:secret'])('is left out: %j', (text) => {
    expect(parse(text)).toBeNull();
  });

  it.each([
    ['has no user', ':secret', NO_USER],
    ['has a blank before its user', ' fred:secret', NO_USER],
    ['has its password after a blank', 'fred secret', NO_USER],
    ['has no domain after the @', 'fred@:secret', NO_USER],
    ['has a | instead of a colon, as in docker-mailserver', 'a@x.test|{SHA512-CRYPT}$6$secret', NO_USER],
    ['has a | after a user without a domain', 'fred|secret', NO_USER],
    ['has a user that is too long', 'f'.repeat(3_000), NO_USER],
    ['has a control character', 'fred:secret:1:2::/\u0001', 'fred@default.test: has a control character in its home'],
  ])('%s, which is a flaw', (_, text, flaw) => {
    expect(parse(text)).toEqual({ flaw });
  });
});

describe('a password', () => {
  it('is never in a result, whichever fields there are', () => {
    const field = fc.oneof(
      fc.constantFrom('', '1', '/home/x', '-1', 'vmail', '+', '\u0001'),
      fc.string({ maxLength: 3 }),
    );
    const line = fc.record({
      user: fc.constantFrom('fred', 'fred@example.org', '', 'fr ed', '+fred', 'a@'),
      rest: fc.array(field, { maxLength: 9 }),
      of: fc.constantFrom('passwd' as const, 'dovecot' as const),
      defaultDomain: fc.constantFrom('default.test', null),
    });
    fc.assert(
      fc.property(line, ({ user, rest, of, defaultDomain }) => {
        const text = [user, '{PLAIN}SeCrEt', ...rest].join(':');
        expect(JSON.stringify(parsePasswdLine(text, defaultDomain, of))).not.toContain('SeCrEt');
      }),
      { numRuns: 2_000 },
    );
  });
});
