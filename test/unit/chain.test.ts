import { describe, expect, it } from 'vitest';
import { createAliasMap } from '../../src/map/alias.ts';
import type { AliasOptions } from '../../src/map/chain.ts';
import type { MailboxOptions } from '../../src/map/mailbox-keys.ts';
import { createMailboxMap } from '../../src/map/mailbox.ts';
import type { Lookup, Resolver } from '../../src/map/moment.ts';
import { formatReply } from '../../src/protocol/reply.ts';
import { type Alias, parseAliasLine } from '../../src/record/alias.ts';
import { type HostedDomain, parseDomainLine } from '../../src/record/domain.ts';
import { type Mailbox, parseMailboxLine } from '../../src/record/mailbox.ts';
import { createMemoryStore } from '../../src/store/driver/memory/driver.ts';
import { QuestionError } from '../../src/store/store.ts';
import { storeOf } from '../support/store.ts';

const KEYS = {
  defaultDomain: null,
  localDomains: new Set<string>(),
  aliasDomains: new Map([['sales.example', 'example.org']]),
  separators: ['+'],
  fold: 'both',
} as const;
const ALIAS: AliasOptions = { ...KEYS, carryDetail: true, expand: 'once', catchAll: 'unknown' };
const MAILBOX: MailboxOptions = {
  ...KEYS,
  policy: 'ignore',
  folderCase: 'exact',
  sharedUser: null,
  states: { disabled: { kind: 'NOTFOUND' }, overquota: { kind: 'TEMP', reason: 'mailbox is over quota' } },
  aliases: true,
  reply: 'key',
};

const MAPS: Readonly<Record<string, Resolver>> = {
  virtual: createAliasMap(ALIAS),
  fully: createAliasMap({ ...ALIAS, expand: 'fully' }),
  any: createAliasMap({ ...ALIAS, catchAll: 'any' }),
  mailbox: createMailboxMap(MAILBOX, true),
  folder: createMailboxMap({ ...MAILBOX, policy: 'folder', sharedUser: '' }, true),
  value: createMailboxMap({ ...MAILBOX, reply: 'value' }, true),
  bare: createMailboxMap({ ...MAILBOX, defaultDomain: 'example.org' }, true),
  'without domains': createMailboxMap(MAILBOX, false),
  waits: createMailboxMap(
    { ...MAILBOX, states: { ...MAILBOX.states, disabled: { kind: 'TEMP', reason: 'disabled for now' } } },
    true,
  ),
  full: createMailboxMap(
    { ...MAILBOX, states: { ...MAILBOX.states, overquota: { kind: 'PERM', reason: 'full' } } },
    true,
  ),
};

const memory = createMemoryStore([
  ...[
    'ann@example.org',
    'bob@example.org',
    'carl@example.org',
    'fred@example.org',
    'wilma@example.org',
    'off@example.org state=disabled',
    'full@example.org state=overquota',
    '"quo ted"@example.org',
    '@example.org folder=news',
    'fred@new.example',
    'past@new.example state=disabled',
    'full@new.example state=overquota',
    ...Array.from({ length: 1_200 }, (_, at) => `u${at}@big.example`),
  ].map((line) => parseMailboxLine(line) as Mailbox),
  ...['lists.example alias', 'far.example relay', 'bare.example mailbox'].map(
    (line) => parseDomainLine(line) as HostedDomain,
  ),
  ...[
    'ann@example.org ann@example.org, bob@example.org',
    'bob@example.org bob@example.org, ann@example.org',
    'team@example.org ann@example.org, carl@example.org',
    'one@example.org one@example.org, two@example.org',
    'two@example.org three@example.org, two@example.org',
    'three@example.org one@example.org, three@example.org',
    'swap1@example.org swap2@example.org',
    'swap2@example.org swap1@example.org',
    'turn1@example.org turn2@example.org, carl@example.org',
    'turn2@example.org turn1@example.org',
    'dead1@example.org dead2@example.org, nobody@example.org',
    'dead2@example.org dead1@example.org',
    'both@example.org left@example.org, right@example.org',
    'left@example.org nobody@example.org',
    'right@example.org nobody@example.org, left@example.org',
    'toring@example.org swap1@example.org',

    'list@lists.example list@lists.example',
    'off@example.org off@example.org',
    'full@example.org FULL@Example.org',
    'lists@example.org list@lists.example',
    'other@example.org other@sales.example',
    '@itself.example @itself.example',

    'hop@example.org wilma@example.org',
    String.raw`twice@example.org \hop@example.org, hop@example.org`,
    String.raw`round1@example.org \round2@example.org, round2@example.org`,
    'round2@example.org round1@example.org',
    'news2@example.org +NEWS@example.org, +news@example.org',
    'waits@example.org full@example.org, off@example.org',

    'lone@example.org nobody@example.org',
    'lonely@example.org lone@example.org, off@example.org',
    'filled@example.org nobody@example.org, full@example.org',
    'abroad@example.org nobody@example.org, someone@elsewhere.test',
    'relayed@example.org someone@far.example',
    'inlists@example.org nobody@lists.example',
    'folder@example.org fred+missing@example.org',
    'shared@example.org +news@example.org',
    'program@example.org |program',
    'mixed@example.org nobody@example.org, |program',
    'nowhere@example.org fred',

    String.raw`last@example.org \last@example.org, wilma@example.org`,
    String.raw`named@example.org \wilma@example.org`,
    String.raw`past@example.org \ann@example.org`,
    String.raw`quoted@example.org \"quo ted"@example.org`,
    String.raw`barelast@example.org \barelast, \fred`,
    String.raw`gone@example.org \nobody@example.org`,
    String.raw`behind@example.org \lists@example.org`,

    `big@example.org ${Array.from({ length: 1_200 }, (_, at) => `u${at}@big.example`).join()}`,
    `lateone@example.org ${Array.from({ length: 900 }, (_, at) => `x${at}@big.example`).join()},fred@example.org`,
    `absent@example.org ${Array.from({ length: 1_200 }, (_, at) => `x${at}@big.example`).join()}`,

    '@old.example @new.example',
    '@older.example @old.example',
    'info@new.example fred@new.example',
    '@away.example @elsewhere.test',
    '@caught.example @new.example, fred@example.org',
    '@empty.example @bare.example',
  ].map((line) => parseAliasLine(line) as Alias),
  // Longer than an import accepts, but other stores may have one.
  {
    about: 'alias',
    local: 'huge',
    domain: 'example.org',
    targets: ['fred@example.org', ...Array.from({ length: 100_000 }, (_, at) => `u${at}@big.example`)],
  },
]);

/** Answers that other stores may give, but the embedded store does not. */
const ROWS: Readonly<Record<string, string>> = {
  'all@rows.example': 'fred@example.org,bad@rows.example',
  'bad@rows.example': 'fred@',
  'worst@rows.example': 'bad@rows.example',
  'item@rows.example': 'joe@, fred@example.org',
  'items@rows.example': 'joe@,',
  'badfirst@rows.example': 'bad@rows.example, nobody@example.org, fred@example.org',
  'badlast@rows.example': 'nobody@example.org, bad@rows.example',
  'refused@rows.example': 'latin@rows.example, fred@example.org',
  'refuses@rows.example': 'latin@rows.example',
  'broken@rows.example': 'gone@rows.example, fred@example.org',
};

const store: Lookup = {
  lookup(question) {
    if (question.about === 'domain' && question.domain === 'odd.example') return { value: 'virtual', state: 'active' };
    if (question.about === 'alias' && question.domain === 'rows.example') {
      if (question.local === 'latin') throw new QuestionError('a key that this database refuses');
      if (question.local === 'gone') throw new Error('gone');
      const value = ROWS[`${question.local}@${question.domain}`];
      return value === undefined ? null : { value, state: 'active' };
    }
    if (question.about === 'alias' && question.domain === 'odds.example')
      return { value: '@odd.example', state: 'active' };
    return memory.lookup(question);
  },
};
const later: Lookup = { lookup: async (question) => store.lookup(question) };

async function ask(asked: string, lookup: Lookup): Promise<string> {
  const [map, key] = asked.split(': ') as [string, string];
  try {
    return formatReply(await (MAPS[map] as Resolver)(key, lookup), 2_000_000).trimEnd();
  } catch (error) {
    return (error as Error).name;
  }
}

describe.each([
  ['at once', store],
  ['later', later],
])('over a store that answers %s,', (_, lookup) => {
  it.each([
    ['virtual: ann@example.org', 'OK ann@example.org, bob@example.org'],
    ['virtual: bob@example.org', 'OK bob@example.org, ann@example.org'],
    ['virtual: team@example.org', 'OK ann@example.org, carl@example.org'],
    ['mailbox: team@example.org', 'OK team@example.org'],
    ['fully: team@example.org', 'OK ann@example.org, bob@example.org, carl@example.org'],
    ['fully: ann@example.org', 'OK ann@example.org, bob@example.org'],
    ['virtual: one@example.org', 'OK one@example.org, two@example.org'],
    ['fully: one@example.org', 'OK one@example.org, three@example.org, two@example.org'],
    ['mailbox: two@example.org', 'OK two@example.org'],
    ['virtual: ann+x@example.org', 'OK ann+x@example.org, bob+x@example.org'],
    ['virtual: turn1@example.org', 'OK turn2@example.org, carl@example.org'],
    ['fully: turn2@example.org', 'OK carl@example.org'],
    ['mailbox: turn2@example.org', 'OK turn2@example.org'],
    ['mailbox: both@example.org', 'NOTFOUND'],
  ])('users who copy each other are not a loop: %s', async (asked, reply) => {
    expect(await ask(asked, lookup)).toBe(reply);
  });

  it.each([
    'virtual: swap1@example.org',
    'fully: swap1@example.org',
    'mailbox: swap1@example.org',
    'virtual: swap2+x@example.org',
    'virtual: toring@example.org',
    'mailbox: toring@example.org',
    'mailbox: dead1@example.org',
  ])('a ring without another target is a loop: %s', async (asked) => {
    expect(await ask(asked, lookup)).toBe('LoopError');
  });

  it.each([
    ['virtual: list@lists.example', 'OK list@lists.example'],
    ['mailbox: list@lists.example', 'OK list@lists.example'],
    ['mailbox: list+subscribe@lists.example', 'OK list+subscribe@lists.example'],
    ['mailbox: LIST@Lists.example', 'OK LIST@Lists.example'],
    ['mailbox: lists@example.org', 'OK lists@example.org'],
    ['mailbox: other@example.org', 'OK other@example.org'],
    ['mailbox: anybody@itself.example', 'OK anybody@itself.example'],
    ['mailbox: off@example.org', 'NOTFOUND'],
    ['mailbox: off+x@example.org', 'NOTFOUND'],
    ['mailbox: full@example.org', 'TEMP mailbox is over quota'],
    ['mailbox: nobody@example.org', 'NOTFOUND'],
  ])('an alias that is its own target is a list, or its mailbox: %s', async (asked, reply) => {
    expect(await ask(asked, lookup)).toBe(reply);
  });

  it.each([
    ['mailbox: lone@example.org', 'NOTFOUND'],
    ['mailbox: lonely@example.org', 'NOTFOUND'],
    ['mailbox: filled@example.org', 'TEMP mailbox is over quota'],
    ['full: filled@example.org', 'PERM full'],
    ['waits: waits@example.org', 'TEMP disabled for now'], // not the full one, which a listener for policy may refuse
    ['mailbox: abroad@example.org', 'OK abroad@example.org'],
    ['mailbox: relayed@example.org', 'OK relayed@example.org'],
    ['mailbox: inlists@example.org', 'OK inlists@example.org'],
    ['folder: folder@example.org', 'OK folder@example.org'],
    ['folder: shared@example.org', 'OK shared@example.org'],
    ['mailbox: shared@example.org', 'NOTFOUND'],
    ['mailbox: program@example.org', 'OK program@example.org'],
    ['mailbox: mixed@example.org', 'OK mixed@example.org'],
    ['value: mixed@example.org', 'OK nobody@example.org, |program'],
    ['mailbox: nowhere@example.org', 'OK nowhere@example.org'],
    ['bare: nowhere@example.org', 'OK nowhere@example.org'],
    ['without domains: lone@example.org', 'OK lone@example.org'],
    ['without domains: off@example.org', 'NOTFOUND'],
  ])('an alias exists if one target takes its mail: %s', async (asked, reply) => {
    expect(await ask(asked, lookup)).toBe(reply);
  });

  it.each([
    ['mailbox: twice@example.org', 'OK twice@example.org'], // hop has no mailbox, but an alias
    ['fully: twice@example.org', 'OK hop@example.org, wilma@example.org'],
    ['mailbox: round1@example.org', 'LoopError'],
    ['folder: news2@example.org', 'OK news2@example.org'],
    ['virtual: last@example.org', 'OK last@example.org, wilma@example.org'],
    ['fully: last@example.org', 'OK last@example.org, wilma@example.org'],
    ['virtual: last+x@example.org', 'OK last+x@example.org, wilma+x@example.org'],
    ['virtual: named@example.org', 'OK wilma@example.org'],
    ['virtual: quoted@example.org', 'OK "quo ted"@example.org'],
    ['virtual: barelast@example.org', 'OK barelast, fred'],
    ['bare: barelast@example.org', 'OK barelast@example.org'],
    ['mailbox: quoted@example.org', 'OK quoted@example.org'],
    ['fully: past@example.org', 'OK ann@example.org'],
    ['virtual: past@example.org', 'UncertainError'], // the mail server would ask for ann, and copy bob
    ['mailbox: past@example.org', 'OK past@example.org'],
    ['mailbox: gone@example.org', 'NOTFOUND'],
    ['mailbox: behind@example.org', 'NOTFOUND'], // lists is an alias, not a mailbox
    ['fully: behind@example.org', 'OK lists@example.org'],
  ])(String.raw`\user is a user whose alias does not count: %s`, async (asked, reply) => {
    expect(await ask(asked, lookup)).toBe(reply);
  });

  it.each([
    ['mailbox: big@example.org', /^OK big@example.org$/],
    ['mailbox: lateone@example.org', /^OK lateone@example.org$/],
    ['mailbox: huge@example.org', /^OK huge@example.org$/],
    ['mailbox: absent@example.org', /^UncertainError$/],
    ['virtual: big@example.org', /^OK u0@big.example, .*, u1199@big.example$/],
    ['fully: big@example.org', /^UncertainError$/],
    ['virtual: huge@example.org', /^UncertainError$/],
  ])('a long list exists like a short one: %s', async (asked, reply) => {
    expect(await ask(asked, lookup)).toMatch(reply);
  });

  it.each([
    ['mailbox: all@rows.example', 'OK all@rows.example'],
    ['virtual: all@rows.example', 'OK fred@example.org, bad@rows.example'],
    ['fully: all@rows.example', 'UncertainError'], // a mail server that uses this reply would lose a member
    ['virtual: bad@rows.example', 'UncertainError'],
    ['virtual: worst@rows.example', 'UncertainError'],
    ['mailbox: worst@rows.example', 'UncertainError'],
    ['mailbox: item@rows.example', 'OK item@rows.example'],
    ['virtual: item@rows.example', 'UncertainError'],
    ['mailbox: items@rows.example', 'UncertainError'],
    ['mailbox: badfirst@rows.example', 'OK badfirst@rows.example'],
    ['mailbox: badlast@rows.example', 'UncertainError'],
    ['mailbox: refused@rows.example', 'OK refused@rows.example'],
    ['virtual: refused@rows.example', 'OK latin@rows.example, fred@example.org'],
    ['mailbox: refuses@rows.example', 'QuestionError'],
    ['mailbox: broken@rows.example', 'Error'], // a store that fails is not asked for the rest
    ['virtual: broken@rows.example', 'Error'],
  ])('a list with one unreadable target still works: %s', async (asked, reply) => {
    expect(await ask(asked, lookup)).toBe(reply);
  });

  it.each([
    ['mailbox: fred@old.example', 'OK fred@old.example'],
    ['mailbox: fred+x@old.example', 'OK fred+x@old.example'],
    ['mailbox: info@old.example', 'OK info@old.example'],
    ['mailbox: fred@older.example', 'OK fred@older.example'],
    ['mailbox: nobody@old.example', 'NOTFOUND'],
    ['mailbox: past@old.example', 'NOTFOUND'],
    ['mailbox: nobody@older.example', 'NOTFOUND'],
    ['mailbox: full@old.example', 'TEMP mailbox is over quota'],
    ['mailbox: nobody@away.example', 'OK nobody@away.example'],
    ['mailbox: nobody@caught.example', 'OK nobody@caught.example'],
    ['mailbox: nobody@empty.example', 'NOTFOUND'],
    ['without domains: nobody@old.example', 'OK nobody@old.example'],
    ['mailbox: nobody@odds.example', 'UncertainError'],
    ['virtual: fred+x@old.example', 'OK fred+x@new.example'],
    ['virtual: full@old.example', 'OK full@new.example'],
    ['virtual: nobody@old.example', 'OK nobody@new.example'], // as in Postfix's own tables
    ['virtual: nobody@away.example', 'OK nobody@elsewhere.test'],
    ['virtual: nobody@caught.example', 'OK nobody@new.example, fred@example.org'],
    ['any: nobody@old.example', 'OK nobody@new.example'],
    ['virtual: off@sales.example', 'OK off@example.org'],
  ])('with @old -> @new only addresses that exist in new exist in old: %s', async (asked, reply) => {
    expect(await ask(asked, lookup)).toBe(reply);
  });
});

it('a list of 100,000 needs only the questions until one target is found', async () => {
  let asked = 0;
  const counting = storeOf((question) => {
    asked++;
    return store.lookup(question);
  });
  expect((await MAPS['mailbox']?.('huge@example.org', counting))?.kind).toBe('OK');
  expect(asked).toBeLessThan(10);
});

it.each([
  ['virtual', 'virtual', 'UncertainError'], // OK would make Postfix refuse all mailboxes of the domain
  ['virtual', 'Alias', 'OK a.example'],
  ['virtual', 'MAILBOX', 'NOTFOUND'],
  ['virtual', '', 'NOTFOUND'],
])('the map %s, asked for a domain with the class "%s"', async (map, value, reply) => {
  const lookup: Lookup = { lookup: () => ({ value, state: 'active' }) };
  expect(await ask(`${map}: a.example`, lookup)).toBe(reply);
});
