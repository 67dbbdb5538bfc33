import { describe, expect, it } from 'vitest';
import type { MailboxOptions } from '../../src/map/mailbox-keys.ts';
import { createMailboxMap } from '../../src/map/mailbox.ts';
import { formatReply } from '../../src/protocol/reply.ts';
import { type Alias, parseAliasLine } from '../../src/record/alias.ts';
import { type Mailbox, parseMailboxLine } from '../../src/record/mailbox.ts';
import { createMemoryStore } from '../../src/store/driver/memory/driver.ts';
import type { Store } from '../../src/store/store.ts';
import type { Reply } from '../../src/vocabulary.ts';
import { storeOf } from '../support/store.ts';

const DEFAULTS: MailboxOptions = {
  defaultDomain: 'example.org',
  localDomains: new Set(['localhost', 'mail.example.org']),
  aliasDomains: new Map([['sales.example', 'example.org']]),
  separators: ['+'],
  fold: 'both',
  policy: 'ignore',
  folderCase: 'exact',
  sharedUser: null,
  states: { disabled: { kind: 'NOTFOUND' }, overquota: { kind: 'TEMP', reason: 'mailbox is over quota' } },
  aliases: false,
  reply: 'key',
};

const states = (disabled: Reply, overquota: Reply): Partial<MailboxOptions> => ({ states: { disabled, overquota } });
const OK: Reply = { kind: 'OK', value: '' };

const HELD = [
  'fred@example.org folder=abc folder=mNp folder="with space"',
  'joe@virt.example value=/var/mail/joe',
  'off@virt.example state=disabled',
  'fuller@example.org state=overquota',
  'Caps@example.org',
  '"quo ted"@example.org',
  'jürgen@bücher.example',
  'full@example.org state=overquota folder=sub',
  'gone@example.org state=disabled',
  'closed@example.org state=disabled',
  'bob+lists@example.org',
  'plus+@example.org',
  'postmaster@example.org',
  '+literal@example.org',
  '@example.org folder=news folder=Shared/Open',
  '@virt.example folder=news state=overquota',
];

const ALIASES = [
  'info@example.org fred@example.org, joe@virt.example',
  'fred@example.org elsewhere@example.com',
  'gone@example.org fred@example.org',
  'full@example.org fred@example.org',
  'closed@example.org Closed@example.org',
  'ghost@example.org ghost@EXAMPLE.org',
  'copied@example.org copied@example.org, joe@virt.example',
  'x@example.org y@example.org',
  'y@example.org x@example.org',
  '@virt.example joe@virt.example',
];

const memory = createMemoryStore([
  ...HELD.map((line) => parseMailboxLine(line) as Mailbox),
  ...ALIASES.map((line) => parseAliasLine(line) as Alias),
]);

/** The same store with answers that come later. A map must work the same with both. */
const later = storeOf(async (question) => memory.lookup(question));

async function answer(key: string | null, options: Partial<MailboxOptions>, store: Store): Promise<string> {
  try {
    return formatReply(await createMailboxMap({ ...DEFAULTS, ...options }, true)(key, store), 1_000);
  } catch (error) {
    return (error as Error).name;
  }
}

describe('a mailbox map that finds nothing under a name with a separator', () => {
  /** A store that has only what is asked as it was written, as Cyrus has its shared folders. It keeps what it was asked. */
  const exactly = (...names: string[]) => {
    const asked: string[] = [];
    const store = storeOf((question) => {
      if (question.about !== 'mailbox') return null;
      asked.push(`${question.local}${question.exact ? ' as it stands' : ''}`);
      return question.exact && names.includes(question.local) ? { value: '', state: 'active' } : null;
    });
    return { store, asked };
  };

  it.each<[string, string, Partial<MailboxOptions>, string, string[]]>([
    ['+News/Open@example.org', '+News/Open', {}, 'OK', ['+news/open', '+News/Open as it stands']],
    ['BB+News@example.org', 'BB+News', {}, 'OK', ['bb+news', 'bb', 'BB+News as it stands']],
    ['+olds@example.org', '+news', {}, 'NOTFOUND', ['+olds', '+olds as it stands']],
    ['fred@example.org', '+news', {}, 'NOTFOUND', ['fred']],
    ['+News@example.org', '+News', { sharedUser: 'bb' }, 'NOTFOUND', ['+news']],
  ])(
    'asks the store for %s as it stands, unless shared_user says who has one',
    async (key, has, options, reply, all) => {
      const { store, asked } = exactly(has);
      expect((await answer(key, options, store)).split(' ')[0]).toBe(reply);
      expect(asked).toEqual(all);
    },
  );
});

describe.each([
  ['at once', memory],
  ['later', later],
])('a mailbox map over a store that answers %s', (_, store) => {
  it.each<[string, string | null, Partial<MailboxOptions>, string]>([
    ['a bare user is of the default domain', 'fred', {}, 'OK fred'],
    ['a whole address', 'fred@example.org', {}, 'OK fred@example.org'],
    ['an address of another domain', 'joe@virt.example', {}, 'OK joe@virt.example'],
    ['a bare user that exists only in another domain', 'joe', {}, 'NOTFOUND '],
    ['a user in an unknown domain', 'fred@unknown.example', {}, 'NOTFOUND '],
    ['nobody', 'nobody@example.org', {}, 'NOTFOUND '],
    ['a local domain means the default domain', 'fred@localhost', {}, 'OK fred@localhost'],
    ['a local domain in capitals', 'fred@MAIL.Example.org', {}, 'OK fred@MAIL.Example.org'],
    ['an alias domain', 'fred@sales.example', {}, 'OK fred@sales.example'],
    ['an absent user in an alias domain', 'joe@sales.example', {}, 'NOTFOUND '],
    ['a detail in an alias domain', 'fred+abc@SALES.example', { policy: 'folder' }, 'OK fred+abc@SALES.example'],
    ['the canonical address in an alias domain', 'Fred@sales.example', { reply: 'address' }, 'OK fred@example.org'],
    ['capitals', 'FRED@Example.ORG', {}, 'OK FRED@Example.ORG'],
    ['a U-label', 'jürgen@bücher.example', {}, 'OK jürgen@bücher.example'],
    ['an A-label', 'JÜRGEN@xn--bcher-kva.example', {}, 'OK JÜRGEN@xn--bcher-kva.example'],
    ['a decomposed local part', 'ju\u0308rgen@bücher.example', {}, 'OK ju\u0308rgen@bücher.example'],
    ['a quoted local part', '"quo ted"@example.org', {}, 'OK "quo ted"@example.org'],
    ['a blank without its quotes', 'quo ted@example.org', {}, 'OK quo ted@example.org'],
    ['a bare user with a blank without its quotes', 'quo ted', {}, 'OK quo ted'],
    ['quotes that are not necessary', '"fred"@example.org', {}, 'OK "fred"@example.org'],
    ['postmaster, like any mailbox', 'Postmaster', {}, 'OK Postmaster'],
    ['a mailbox over quota', 'full', {}, 'TEMP mailbox is over quota'],
    ['a disabled mailbox', 'gone', {}, 'NOTFOUND '],
    ['a mailbox over quota, if that is OK', 'full', states(OK, OK), 'OK full'],
    ['a mailbox over quota, if that is PERM', 'full', states(OK, { kind: 'PERM', reason: 'full' }), 'PERM full'],
    ['a disabled mailbox, if that is OK', 'gone', { ...states(OK, OK), reply: 'address' }, 'OK gone@example.org'],
    ['a disabled mailbox, if that is TEMP', 'gone', states({ kind: 'TEMP', reason: 'moving' }, OK), 'TEMP moving'],
    ['an empty key', '', {}, 'NOTFOUND '],
    ['a key that is not UTF-8', null, {}, 'NOTFOUND '],
    ['a key with a NUL', 'fred\0x', {}, 'NOTFOUND '],
    ['only a domain', '@example.org', {}, 'NOTFOUND '],
    ['no domain after the @', 'fred@', {}, 'NOTFOUND '],
    ['a bare user without a default domain: uncertain', 'fred', { defaultDomain: null }, 'UncertainError'],
    ['an address without a default domain', 'fred@example.org', { defaultDomain: null }, 'OK fred@example.org'],
    ['a key that cannot be an address, without a default domain', 'fred@', { defaultDomain: null }, 'NOTFOUND '],

    ['a detail is ignored', 'fred+lists@example.org', {}, 'OK fred+lists@example.org'],
    ['an empty detail', 'fred+@example.org', {}, 'OK fred+@example.org'],
    ['an empty detail under folder', 'fred+', { policy: 'folder' }, 'OK fred+'],
    ['a mailbox whose name ends with the separator', 'Plus+@example.org', {}, 'OK Plus+@example.org'],
    ['the same under folder', 'plus+', { policy: 'folder' }, 'OK plus+'],
    ['a detail of such a mailbox', 'plus++lists', {}, 'NOTFOUND '],
    ['an empty detail of an absent user', 'nobody+', {}, 'NOTFOUND '],
    ['a detail of an absent user', 'nobody+lists', {}, 'NOTFOUND '],
    ['a detail in quotes', '"quo ted+a b"@example.org', {}, 'OK "quo ted+a b"@example.org'],
    ['a separator that is not configured', 'fred-lists', {}, 'NOTFOUND '],
    ['another separator that was configured', 'fred--lists', { separators: ['--', '+'] }, 'OK fred--lists'],
    ['no separators at all', 'fred+lists', { separators: [] }, 'NOTFOUND '],
    ['a mailbox that has the separator in its name', 'bob+lists', {}, 'OK bob+lists'],
    ['the same under folder', 'bob+lists', { policy: 'folder' }, 'OK bob+lists'],
    ['another detail of such a mailbox', 'bob+other', {}, 'NOTFOUND '],
    ['a folder that exists', 'fred+abc', { policy: 'folder' }, 'OK fred+abc'],
    [
      'a folder that exists, and capitals in the user',
      'FRED+abc@EXAMPLE.org',
      { policy: 'folder' },
      'OK FRED+abc@EXAMPLE.org',
    ],
    ['a folder with a blank', 'fred+with space', { policy: 'folder' }, 'OK fred+with space'],
    ['a folder in its own case', 'fred+mNp', { policy: 'folder' }, 'OK fred+mNp'],
    ['a folder in another case', 'fred+MNP', { policy: 'folder' }, 'NOTFOUND '],
    [
      'a folder in another case, if case does not count',
      'fred+MNP',
      { policy: 'folder', folderCase: 'insensitive' },
      'OK fred+MNP',
    ],
    [
      'a shared folder in another case, if case does not count',
      '+NEWS',
      { sharedUser: '', folderCase: 'insensitive' },
      'OK +NEWS',
    ],
    ['an absent folder', 'fred+def', { policy: 'folder' }, 'NOTFOUND '],
    ['a folder of a mailbox over quota', 'full+sub', { policy: 'folder' }, 'TEMP mailbox is over quota'],
    ['a folder or the inbox: the folder', 'fred+abc', { policy: 'folder-or-inbox' }, 'OK fred+abc'],
    ['a folder or the inbox: the inbox', 'fred+def', { policy: 'folder-or-inbox' }, 'OK fred+def'],
    ['a folder or the inbox of an absent user', 'nobody+def', { policy: 'folder-or-inbox' }, 'NOTFOUND '],

    ['a shared folder', '+news', { sharedUser: '' }, 'OK +news'],
    ['a shared folder in its own case', '+Shared/Open@example.org', { sharedUser: '' }, 'OK +Shared/Open@example.org'],
    ['a shared folder in another case', '+shared/open', { sharedUser: '' }, 'NOTFOUND '],
    ['a shared folder of another domain', '+news@virt.example', { sharedUser: '' }, 'TEMP mailbox is over quota'],
    ['an absent shared folder', '+olds', { sharedUser: '' }, 'NOTFOUND '],
    ['a shared folder without shared_user', '+news', {}, 'NOTFOUND '],
    [
      'a shared folder with the name of shared_user',
      'BB+news@example.org',
      { sharedUser: 'bb' },
      'OK BB+news@example.org',
    ],
    ['a shared folder with another name', 'cc+news', { sharedUser: 'bb' }, 'NOTFOUND '],
    ['a shared folder without the name of shared_user', '+news', { sharedUser: 'bb' }, 'NOTFOUND '],
    ['the name of shared_user without a folder', 'bb', { sharedUser: 'bb' }, 'NOTFOUND '],
    ['the name of shared_user with an empty folder', 'bb+', { sharedUser: 'bb' }, 'NOTFOUND '],
    ['only a separator', '+', { sharedUser: '' }, 'NOTFOUND '],
    ['a folder of a user, with shared folders', 'fred+abc', { sharedUser: '', policy: 'folder' }, 'OK fred+abc'],
    ['a shared folder as the folder of a user', 'fred+news', { sharedUser: '', policy: 'folder' }, 'NOTFOUND '],
    ['a mailbox that starts with the separator', '+literal', { sharedUser: '' }, 'OK +literal'],
    [
      'the canonical address of a shared folder',
      'BB+news',
      { sharedUser: 'bb', reply: 'address' },
      'OK bb+news@example.org',
    ],
    ['the canonical address', 'FRED', { reply: 'address' }, 'OK fred@example.org'],
    [
      'the canonical address has A-labels',
      'JÜRGEN@Bücher.example',
      { reply: 'address' },
      'OK jürgen@xn--bcher-kva.example',
    ],
    ['the canonical address has the quotes it needs', 'quo ted', { reply: 'address' }, 'OK "quo ted"@example.org'],
    ['the canonical address of a local domain', 'fred@localhost', { reply: 'address' }, 'OK fred@example.org'],
    ['the canonical address without an ignored detail', 'fred+x', { reply: 'address' }, 'OK fred@example.org'],
    [
      'the canonical address with its folder',
      'Fred+mNp',
      { reply: 'address', policy: 'folder' },
      'OK fred+mNp@example.org',
    ],
    ['its value', 'joe@virt.example', { reply: 'value' }, 'OK /var/mail/joe'],
    ['the key if there is no value', 'FRED', { reply: 'value' }, 'OK FRED'],
    ['the address of its mailbox', 'Fred+mNp', { reply: 'mailbox', policy: 'folder' }, 'OK fred@example.org'],
    ['a fixed text', 'fred', { reply: { text: 'lmtp:unix:/run/lmtp' } }, 'OK lmtp:unix:/run/lmtp'],
    [
      'a text with the parts of the address',
      'Fred+x@sales.example',
      { reply: { text: '%u|%d|%s|%%u' } },
      'OK fred|example.org|Fred+x@sales.example|%u',
    ],
    ['the star that trivial-rewrite asks for', '*', { defaultDomain: null }, 'NOTFOUND '],

    ['an alias is not a mailbox', 'info', {}, 'NOTFOUND '],
    ['an alias is a recipient if the map has aliases', 'info', { aliases: true }, 'OK info'],
    ['an alias with a detail', 'info+x@example.org', { aliases: true, policy: 'folder' }, 'OK info+x@example.org'],
    ['an alias in an alias domain', 'info@sales.example', { aliases: true }, 'OK info@sales.example'],
    ['a mailbox and an alias with its name', 'fred', { aliases: true, reply: 'value' }, 'OK fred'],
    ['an absent address in a map with aliases', 'nobody', { aliases: true }, 'NOTFOUND '],
    ['a disabled mailbox whose mail goes elsewhere', 'gone', { aliases: true }, 'OK gone'],
    ['a disabled mailbox whose alias is itself', 'closed', { aliases: true }, 'NOTFOUND '],
    ['the same in an alias domain', 'closed+x@sales.example', { aliases: true }, 'NOTFOUND '],
    [
      'an alias that is its own target, without a mailbox, as a mailing list of iRedMail',
      'ghost',
      { aliases: true },
      'OK ghost',
    ],
    ['an alias that has itself and another as targets, without a mailbox', 'copied', { aliases: true }, 'OK copied'],
    ['a full mailbox whose mail goes elsewhere', 'full', { aliases: true }, 'OK full'],
    ['a full mailbox without an alias', 'fuller', { aliases: true }, 'TEMP mailbox is over quota'],
    ['an address that a catch-all catches', 'nobody@virt.example', { aliases: true }, 'OK nobody@virt.example'],
    ['a disabled mailbox, although there is a catch-all', 'off@virt.example', { aliases: true }, 'NOTFOUND '],
    ['aliases in a loop', 'x', { aliases: true }, 'LoopError'],
    ['the targets of an alias', 'info', { aliases: true, reply: 'value' }, 'OK fred@example.org, joe@virt.example'],
    ['the address of an alias', 'Info+x', { aliases: true, reply: 'address' }, 'OK info+x@example.org'],
    ['the same without its detail', 'Info+x', { aliases: true, reply: 'mailbox' }, 'OK info@example.org'],

    ['a name in capitals, folded', 'caps', {}, 'OK caps'],
    ['a name in its own case, if case counts', 'Caps@EXAMPLE.org', { fold: 'domain' }, 'OK Caps@EXAMPLE.org'],
    ['a name in another case, if case counts', 'caps', { fold: 'domain' }, 'NOTFOUND '],
    ['a user in another case, with a detail', 'FRED+x', { fold: 'domain' }, 'NOTFOUND '],
    ['a domain in capitals, if nothing is folded', 'fred@EXAMPLE.org', { fold: 'none' }, 'NOTFOUND '],
    [
      'the canonical address in the inbox',
      'Fred+x',
      { reply: 'address', policy: 'folder-or-inbox' },
      'OK fred@example.org',
    ],
  ])('answers %s', async (_name, key, options, reply) => {
    expect(await answer(key, options, store)).toBe(reply);
  });
});

describe('a mailbox map over a store that fails', () => {
  const fails = storeOf(() => {
    throw new Error('gone');
  });
  const failsSecond = (): Store => {
    let asked = 0;
    return storeOf(() => (asked++ === 0 ? null : Promise.reject(new Error('gone'))));
  };

  it.each<[string, string, Partial<MailboxOptions>]>([
    ['for a user', 'fred', {}],
    ['for a detail', 'fred+abc', {}],
    ['for a folder', 'fred+abc', { policy: 'folder' }],
    ['for a folder or the inbox', 'fred+abc', { policy: 'folder-or-inbox' }],
    ['for an alias', 'info', { aliases: true }],
  ])('fails too %s', async (_, key, options) => {
    expect(await answer(key, options, fails)).toBe('Error');
  });

  it.each<MailboxOptions['policy']>(['ignore', 'folder', 'folder-or-inbox'])(
    'fails if only a later lookup fails, with the policy %s',
    async (policy) => {
      expect(await answer('fred+abc', { policy }, failsSecond())).toBe('Error');
    },
  );
});
