import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Flaw } from '../../src/address/address.ts';
import { type CyrusList, type CyrusOptions, parseCyrusList } from '../../src/format/cyrus.ts';
import { formatMailboxLine } from '../../src/record/mailbox.ts';

const SLASH: CyrusOptions = { defaultDomain: 'default.test', separator: '/' };
const DOT: CyrusOptions = { defaultDomain: 'default.test', separator: '.' };

/** An entry as Cyrus 3.6.1 and 3.10.2 write it. */
function entry(name: string, acl: object = {}, mbtype = 'e'): string {
  const rest = '"uidvalidity": "1795178353", "createdmodseq": "1", "foldermodseq": "3"';
  const end = `"partition": "main", "acl": ${JSON.stringify(acl)}, "uniqueid": "iegcmdi4yrg8oh24zvuvxnlh", "name_history": []`;
  return `"${name}": {"name": "${name}", "mtime": "1795178352", ${rest}, "mbtype": "${mbtype}", ${end}}`;
}

function list(...entries: string[]): string {
  return `{\n${entries.join(',\n')}\n}\n`;
}

const parse = (text: string, options = SLASH): CyrusList | Flaw => parseCyrusList(text.split('\n'), options);

/** The lines of an import with the same content. */
function linesOf(text: string, options = SLASH): string[] {
  const read = parse(text, options);
  if ('flaw' in read) throw new Error(read.flaw);
  return read.mailboxes.map(formatMailboxLine);
}

function leftOutOf(text: string, options = SLASH): string[] {
  const read = parse(text, options);
  if ('flaw' in read) throw new Error(read.flaw);
  return read.leftOut.map(({ name, reason }) => `${name}: ${reason}`);
}

const FRED = entry('user.fred', { fred: 'lrswipkxtecdan' });
const ABC = entry('user.fred.abc', { fred: 'lrswipkxtecdan' });
const TOMBSTONE =
  '"user.gone": {"name": "user.gone", "mtime": "1795178352", "uidvalidity": "1795178353", "createdmodseq": "1", ' +
  '"foldermodseq": "3", "mbtype": "ed", "acl": {}, "uniqueid": "iegcmdi4yrg8oh24zvuvxnlh", "name_history": []}';

describe('a list of Cyrus', () => {
  it.each([
    ['has a user in the default domain', list(FRED), ['fred@default.test']],
    ['has a user in another domain', list(entry('virt1.test!user.joe')), ['joe@virt1.test']],
    [
      'has the server of a user in a murder',
      list(FRED.replace('"partition"', '"server": "back1.example.org", "partition"'), ABC),
      ['fred@default.test value=back1.example.org folder=abc'],
    ],
    ['has folders', list(FRED, ABC, entry('user.fred.abc.deep')), ['fred@default.test folder=abc folder=abc/deep']],
    ['has a folder in a domain', list(entry('virt1.test!user.joe.abc')), ['joe@virt1.test folder=abc']],
    ['has a folder without its user, so the user exists', list(ABC), ['fred@default.test folder=abc']],
    ['has a dot in a user', list(entry('user.first^last')), ['first.last@default.test']],
    ['has a ! in a user, like the ! after a domain', list(entry('user.a!b')), ['a!b@default.test']],
    ['has a ! in the user of a domain', list(entry('virt1.test!user.a!b')), ['a!b@virt1.test']],
    ['has a ! in a user with a dot', list(entry('user.j^k!l')), ['j.k!l@default.test']],
    ['has a ! in a folder', list(entry('user.x.y!z')), ['x@default.test folder=y!z']],
    ['has a user in a domain that starts with user', list(entry('user.test!user.joe')), ['joe@user.test']],
    ['has a user in a domain without a dot', list(entry('localhost!user.joe')), ['joe@localhost']],
    ['has an @ in a user', list(entry('user.joe@virt1^test')), ['"joe@virt1.test"@default.test']],
    ['has a dot in a folder', list(entry('user.fred.a^b')), ['fred@default.test folder=a.b']],
    ['has a blank in a folder', list(entry('user.fred.with space')), ['fred@default.test folder="with space"']],
    ['has modified UTF-7', list(entry('user.fred.Entw&APw-rfe')), ['fred@default.test folder=Entwürfe']],
    ['has a surrogate pair in modified UTF-7', list(entry('user.fred.&2D3eAA-')), ['fred@default.test folder=😀']],
    ['has an ampersand in a folder', list(entry('user.fred.R&-D')), ['fred@default.test folder=R&D']],
    ['has a comma where base64 has a slash', list(entry('user.fred.&U,BTFw-')), ['fred@default.test folder=台北']],
    ['has an ampersand in a user, which is never decoded', list(entry('user.am&-p')), ['am&-p@default.test']],
    ['has a plus in a folder', list(entry('user.fred.plus+minus')), ['fred@default.test folder=plus+minus']],
    ['has a remote mailbox', list(entry('user.fred', {}, 'er')), ['fred@default.test']],
    ['has a calendar, which smmapd finds like any mailbox', list(entry('user.fred', {}, 'c')), ['fred@default.test']],
    ['has a deleted user', list(FRED, TOMBSTONE), ['fred@default.test']],
    ['has an intermediate folder', list(FRED, entry('user.fred.no', {}, 'ei')), ['fred@default.test']],
    ['has a mailbox that delayed delete keeps', list(FRED, entry('DELETED.user.gone.6B003F70')), ['fred@default.test']],
    [
      'has such a mailbox in a domain',
      list(FRED, entry('virt1.test!DELETED.user.del.6B0041DF')),
      ['fred@default.test'],
    ],
    [
      'has a deleted mailbox to which anyone may post',
      list(entry('DELETED.shared.gone.6B0048C2', { anyone: 'lrsp' })),
      [],
    ],
  ])('%s', (_, text, lines) => {
    expect(linesOf(text)).toEqual(lines);
    expect(leftOutOf(text)).toEqual([]);
  });

  it.each([
    ['a folder below another', entry('user.fred.abc.deep'), ['fred@default.test folder=abc.deep']],
    [
      'a dot in a folder, which has to be a caret in an address',
      entry('user.fred.a^b'),
      ['fred@default.test folder=a^b'],
    ],
    ['a dot in a user', entry('user.first^last'), ['first.last@default.test']],
    ['a slash in a folder', entry('user.fred.a/b'), ['fred@default.test folder=a/b']],
    ['a shared folder', entry('shared.open', { anyone: 'lrsp' }), ['@default.test folder=shared.open']],
  ])('has %s, if the separator is a dot', (_, text, lines) => {
    expect(linesOf(list(text), DOT)).toEqual(lines);
  });

  it.each([
    ['anyone may post', { anyone: 'lrsp' }, ['@default.test folder=shared/open']],
    ['anyone may only post', { anyone: 'p' }, ['@default.test folder=shared/open']],
    ['anonymous may post', { anyone: '', anonymous: 'lrsp' }, ['@default.test folder=shared/open']],
    ['anyone may only look', { anyone: 'lrs' }, ['@default.test']],
    ['one user may post', { anyone: 'lrs', fred: 'lrsp' }, ['@default.test']],
    ['the right to post is taken from anyone', { anyone: 'lrsp', '-anyone': 'p' }, ['@default.test']],
    ['the right to post is taken from anonymous', { anyone: 'lrsp', '-anonymous': 'p' }, ['@default.test']],
    ['nobody has a right', {}, ['@default.test']],
  ])('has a shared folder if %s', (_, acl, lines) => {
    expect(linesOf(list(entry('shared.open', acl)))).toEqual(lines);
  });

  it('has a shared folder with a ! in its name', () => {
    expect(linesOf(list(entry('sh!are', { anyone: 'p' })))).toEqual(['@default.test folder=sh!are']);
    expect(linesOf(list(entry('virt1.test!sh!are', { anyone: 'p' })))).toEqual(['@virt1.test folder=sh!are']);
  });

  it.each([
    ['an @, which is possible only with virtdomains: off', 'user.joe@virt1^test', true],
    ['an @ in a folder', 'user.joe.a@b', false],
    ['no @', 'virt1.test!user.joe', false],
  ])('reports whether users have no domains: %s', (_, name, withoutDomains) => {
    expect(parse(list(FRED, entry(name)))).toMatchObject({ withoutDomains });
  });

  it('has shared folders of several domains, and of users', () => {
    const anyone = { anyone: 'lrsp' };
    const text = list(
      entry('shared.MixedCase', anyone),
      entry('shared.open', anyone),
      entry('user.UPPER', anyone),
      entry('user.posted', anyone),
      entry('virt1.test!news.open', anyone),
    );
    expect(linesOf(text)).toEqual([
      '@default.test folder=shared/MixedCase folder=shared/open folder=user/UPPER folder=user/posted',
      'posted@default.test',
      '@virt1.test folder=news/open',
    ]);
  });

  it.each([
    ['user.UPPER', 'its user is not in lower case (keys are)'],
    ['user.a+b', 'its user has a +, and a key is split there'],
    ['user.', 'no key can have the name of its user'],
    ['user.a\\nb', 'no key can have the name of its user'],
    ['UPPER.test!user.x', 'its domain is not in lower case (keys are), or not valid'],
    ['no domain!user.x', 'its domain is not in lower case (keys are), or not valid'],
    ['default.test!user.x', 'it is hidden by the default domain'],
    ['user.fred.Entw&APw', 'its name is not in modified UTF-7'],
    ['user.fred.&AGE-', 'its name is not in modified UTF-7'], // an a, which must not be encoded
    ['user.fred.&AAA-', 'folder "\\u0000": has a control character'],
    ['user.fred.&2D0-', 'its name is not in modified UTF-7'], // half of a pair
    ['user.fred.a/b', 'its name cannot be split at /'],
    ['user.fred..b', 'its name cannot be split at /'],
    [`user.${'a\u0301'.repeat(1_000)}`, 'its name is too long for a mailbox of Cyrus'],
  ])('has %s, which smmapd never finds', (name, reason) => {
    const text = list(FRED, entry(name));
    expect(linesOf(text)).toEqual(['fred@default.test']);
    expect(leftOutOf(text)).toEqual([`${JSON.parse(`"${name}"`)}: ${reason}`]);
  });
});

/** What `ctl_mboxlist -d` of Debian 13 printed, with virtdomains: userid. */
const PRINTED = readFileSync(new URL('ctl_mboxlist-3.10.2.txt', import.meta.url), 'utf8');

describe('the list that Cyrus 3.10.2 printed', () => {
  it('has its users and folders, and nothing that was deleted', () => {
    expect(PRINTED).toContain('"user.gone": {');
    expect(linesOf(PRINTED)).toEqual([
      '@default.test folder=shared/open',
      'first.last@default.test',
      'fred@default.test folder=Entwürfe folder=abc folder=abc/deep',
      'full@default.test',
      'postmaster@default.test',
      'a!b@default.test folder=abc',
      'joe@virt1.test folder=abc',
    ]);
    expect(leftOutOf(PRINTED)).toEqual([]);
  });

  it('is refused if it is cut off behind any of its lines', () => {
    const lines = PRINTED.trimEnd().split('\n');
    for (let end = 0; end < lines.length; end++) {
      expect(Object.keys(parse(lines.slice(0, end).join('\n')))).toEqual(['flaw']);
    }
  });
});

const OLD =
  'it is the text of Cyrus before 3.6, but smmap reads the JSON of 3.6 and later; ' +
  'import a list of addresses instead (--format list)';

describe('a list of Cyrus that is not complete is refused:', () => {
  it.each([
    ['an empty file', '', 'line 1 is not the { with which it must start'],
    ['an error message', 'fatal error: cannot read imapd.conf\n', 'line 1 is not the { with which it must start'],
    ['text before the list', `warning\n${list(FRED)}`, 'line 1 is not the { with which it must start'],
    ['text in the list', list(FRED, ABC).replace(',\n', ',\nwarning\n'), 'line 3 is not a mailbox'],
    ['text after the list', `${list(FRED)}warning\n`, 'line 4 does not fit the line before it'],
    ['two lists', list(FRED) + list(ABC), 'line 4 does not fit the line before it'],
    ['a list that lost its last line', list(FRED).replace(/\}\n$/, ''), 'it has no } at its end'],
    ['a list that lost the line before', list(FRED, ABC).replace(ABC, ''), 'line 4 does not fit the line before it'],
    ['a list that lost a comma', list(FRED, ABC).replace(',\n', '\n'), 'line 3 does not fit the line before it'],
    ['a list where Cyrus could not read its database', '{\n\n}\n', 'it has no mailbox'],
    ['a list of smmap', 'fred@default.test\n', 'line 1 is not the { with which it must start'],
    ['the text of Cyrus before 3.6', 'user.fred\t0 main fred\tlrs\t\n', OLD],
    ['that text with a remote mailbox', 'user.fred\t1 host.test!main fred\tlrs\t\n', OLD],
    ['that text without rights', 'user.fred\t0 main \t\n', OLD],
    ['an entry that is not an object', '{\n"user.fred": "e"\n}', 'line 2 is not a mailbox'],
    ['an entry without a name', '{\n1\n}', 'line 2 is not a mailbox'],
    ['one brace too many', `{\n{\n${FRED}\n}\n`, 'line 2 does not fit the line before it'],
    ['a brace inside', list(FRED, ABC).replace(',\n', ',\n{\n'), 'line 3 does not fit the line before it'],
    ['two entries in a line', list(FRED, ABC).replace(',\n', ', '), 'line 2 is not a mailbox'],
    ['no mbtype', '{\n"user.fred": {"acl": {}}\n}', 'line 2 is not a mailbox'],
    ['no acl', '{\n"user.fred": {"mbtype": "e"}\n}', 'line 2 is not a mailbox'],
    [
      'rights that are not a text',
      '{\n"user.fred": {"mbtype": "e", "acl": {"anyone": 1}}\n}',
      'line 2 is not a mailbox',
    ],
  ])('%s', (_, text, flaw) => {
    expect(parse(text)).toEqual({ flaw: `is not a complete list of ctl_mboxlist -d: ${flaw}` });
  });

  it('a list that was cut off anywhere', () => {
    const text = list(FRED, ABC, TOMBSTONE, entry('shared.open', { anyone: 'lrsp' })).trimEnd();
    for (let end = 0; end < text.length; end++) expect(Object.keys(parse(text.slice(0, end)))).toEqual(['flaw']);
    expect(linesOf(text)).toHaveLength(2);
  });
});

describe('a name of Cyrus', () => {
  it('never throws for any characters, and no mailbox has a control character', () => {
    const name = fc.string({
      unit: fc.oneof(fc.constantFrom(...Array.from('.^/&-!+AZaz,\n')), fc.string({ unit: 'binary', maxLength: 1 })),
    });
    fc.assert(
      fc.property(name, fc.constantFrom('', 'user.', 'virt1.test!user.'), (odd, before) => {
        const read = parse(list(`${JSON.stringify(before + odd)}: {"mbtype": "e", "acl": {"anyone": "p"}}`));
        if ('flaw' in read) throw new Error(read.flaw);
        for (const each of read.mailboxes) expect([each.local, ...each.folders].join('')).not.toMatch(/\p{Cc}/u);
      }),
      { numRuns: 5_000 },
    );
  });
});
