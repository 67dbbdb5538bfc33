import { describe, expect, it } from 'vitest';
import { createAliasMap } from '../../src/map/alias.ts';
import type { AliasOptions } from '../../src/map/chain.ts';
import { formatReply } from '../../src/protocol/reply.ts';
import { createMemoryStore } from '../../src/store/driver/memory/driver.ts';
import { type Alias, parseAliasLine } from '../../src/record/alias.ts';
import { type HostedDomain, parseDomainLine } from '../../src/record/domain.ts';
import { type Mailbox, parseMailboxLine } from '../../src/record/mailbox.ts';
import type { Store } from '../../src/store/store.ts';
import { storeOf } from '../support/store.ts';

const DEFAULTS: AliasOptions = {
  defaultDomain: null,
  localDomains: new Set(),
  aliasDomains: new Map([['sales.example', 'example.org']]),
  separators: ['+'],
  fold: 'both',
  carryDetail: true,
  expand: 'once',
  catchAll: 'unknown',
};
const BARE: Partial<AliasOptions> = { defaultDomain: 'example.org', localDomains: new Set(['localhost']) };
const FULLY: Partial<AliasOptions> = { expand: 'fully' };

const ALIASES = [
  'info@example.org fred@example.org',
  'user2@example.org user1@example.org',
  'joe+lists@example.org archive@example.org',
  'own@example.org own+inbox@example.org',
  'both@example.org both@example.org, copy@example.com',
  'team@example.org fred@example.org, "a, b"@example.com, pat@example.net',
  'quo.ted@example.org "quo ted"@example.org',
  'bare@example.org fred',
  'quoted@example.org "quo ted"',
  'prog@example.org |prog',
  'first.last@example.org fred@example.org',
  '@catch.example fred@example.org',
  '@old.example @new.example',
  'a@chain.example b@chain.example',
  'b@chain.example c@chain.example, info@example.org',
  'c@chain.example d@sales.example',
  'x@loop.example y@loop.example',
  'y@loop.example z@loop.example',
  'z@loop.example X+more@Loop.example',
  '@left.example @right.example',
  '@right.example @left.example',
  'Caps@example.org fred@example.org',
  'twice@example.org info@example.org, fred@example.org',
  ...Array.from({ length: 30 }, (_, at) => `n${at}@deep.example n${at + 1}@deep.example`),
  `many@example.org ${Array.from({ length: 1_001 }, (_, at) => `m${at}@example.com`).join(',')}`,
];
const MAILBOXES = ['fred@example.org', 'fred@catch.example', 'off@catch.example state=disabled'];
const DOMAINS = ['lists.example alias', 'intranet alias', 'relay.example relay'];

const memory = createMemoryStore([
  ...ALIASES.map((line) => parseAliasLine(line) as Alias),
  ...MAILBOXES.map((line) => parseMailboxLine(line) as Mailbox),
  ...DOMAINS.map((line) => parseDomainLine(line) as HostedDomain),
]);

/** The same store, whose every answer comes later: a map may not depend on which it is. */
const later = storeOf(async (question) => memory.lookup(question));

async function answer(key: string | null, options: Partial<AliasOptions>, store: Store): Promise<string> {
  try {
    return formatReply(await createAliasMap({ ...DEFAULTS, ...options })(key, store), 100_000);
  } catch (error) {
    const { name, message } = error as Error;
    return name === 'Error' ? name : `${name}: ${message}`;
  }
}

describe.each([
  ['at once', memory],
  ['later', later],
])('an alias map over a store that answers %s', (_, store) => {
  it.each<[string, string | null, Partial<AliasOptions>, string]>([
    ['a target', 'info@example.org', {}, 'OK fred@example.org'],
    [
      'several targets, with the comma of one of them',
      'team@example.org',
      {},
      'OK fred@example.org, "a, b"@example.com, pat@example.net',
    ],
    ['capitals', 'INFO@Example.org', {}, 'OK fred@example.org'],
    ['nothing for a mailbox', 'fred@example.org', {}, 'NOTFOUND '],
    ['nothing for nobody', 'nobody@example.org', {}, 'NOTFOUND '],
    ['nothing for another domain', 'info@example.com', {}, 'NOTFOUND '],
    ['nothing for what cannot be an address', 'info@', {}, 'NOTFOUND '],
    ['nothing for a source route', '@catch.example:x@catch.example', {}, 'NOTFOUND '],
    ['nothing for no UTF-8', null, {}, 'NOTFOUND '],
    ['nothing for an empty key', '', {}, 'NOTFOUND '],
    ['one step of a chain, since the mail server asks again', 'a@chain.example', {}, 'OK b@chain.example'],
    ['all steps of a chain', 'a@chain.example', FULLY, 'OK d@example.org, fred@example.org'],
    ['each end of a chain once', 'twice@example.org', FULLY, 'OK fred@example.org'],
    ['an alias that keeps a copy', 'both@example.org', {}, 'OK both@example.org, copy@example.com'],
    ['the same, followed', 'both@example.org', FULLY, 'OK both@example.org, copy@example.com'],
    ['an alias to a folder of its own mailbox', 'own@example.org', FULLY, 'OK own+inbox@example.org'],

    ['a detail, carried over', 'user2+abc@example.org', {}, 'OK user1+abc@example.org'],
    ['a detail in its own case', 'user2+aBc@example.org', {}, 'OK user1+aBc@example.org'],
    ['a detail that is not carried over', 'user2+abc@example.org', { carryDetail: false }, 'OK user1@example.org'],
    ['an empty detail', 'user2+@example.org', {}, 'OK user1@example.org'],
    ['a detail that has its own alias', 'joe+lists@example.org', {}, 'OK archive@example.org'],
    ['another detail of the same user', 'joe+other@example.org', {}, 'NOTFOUND '],
    ['a detail that a target has already', 'own+abc@example.org', {}, 'OK own+inbox@example.org'],
    ['a detail behind a quoted target', 'quo.ted+a b@example.org', {}, 'OK "quo ted+a b"@example.org'],
    ['a detail behind a bare target', 'bare+abc@example.org', {}, 'OK fred+abc'],
    ['a detail behind a quoted bare target', 'quoted+abc@example.org', {}, 'OK "quo ted+abc"'],
    [
      'a detail behind several targets',
      'team+x@example.org',
      {},
      'OK fred+x@example.org, "a, b+x"@example.com, pat+x@example.net',
    ],
    [
      'a detail with another separator',
      'user2-abc@example.org',
      { separators: ['+', '-'] },
      'OK user1-abc@example.org',
    ],

    ['a catch-all for who has no mailbox', 'nobody@catch.example', {}, 'OK fred@example.org'],
    ['no catch-all for a mailbox', 'fred@catch.example', {}, 'NOTFOUND '],
    ['no catch-all for a detail of a mailbox', 'fred+x@catch.example', {}, 'NOTFOUND '],
    ['no catch-all for a disabled mailbox', 'off@catch.example', {}, 'NOTFOUND '],
    ['a catch-all for any, as in Postfix', 'fred@catch.example', { catchAll: 'any' }, 'OK fred@example.org'],
    ['no catch-all where there are to be none', 'nobody@catch.example', { catchAll: 'none' }, 'NOTFOUND '],
    ['a catch-all without the detail', 'nobody+x@catch.example', {}, 'OK fred@example.org'],
    ['a catch-all that keeps the local part', 'Pat+x@old.example', {}, 'OK Pat+x@new.example'],
    ...['@catch.example', '++@catch.example', '+*@catch.example'].flatMap<
      [string, string, Partial<AliasOptions>, string]
    >((key) => [
      [`no catch-all for ${key}, which Sendmail asks for a mailbox too`, key, {}, 'NOTFOUND '],
      [`the catch-all for ${key}, where it catches any`, key, { catchAll: 'any' }, 'OK fred@example.org'],
    ]),
    ['the catch-all of a domain that stands for another', '@sales.example', { catchAll: 'any' }, 'NOTFOUND '],
    ['the catch-all of a domain that has none', '@example.org', { catchAll: 'any' }, 'NOTFOUND '],
    ['the catch-all of no domain', '@exa mple', { catchAll: 'any' }, 'NOTFOUND '],

    ['an alias in a domain that stands for another', 'info@sales.example', {}, 'OK fred@example.org'],
    ['a mailbox in a domain that stands for another', 'fred@sales.example', {}, 'OK fred@example.org'],
    ['a folder in a domain that stands for another', 'fred+aBc@sales.example', {}, 'OK fred+aBc@example.org'],
    ['nobody in a domain that stands for another', 'nobody@sales.example', {}, 'NOTFOUND '],

    ['an alias domain, as Postfix asks', 'lists.example', {}, 'OK lists.example'],
    ['an alias domain without a dot', 'intranet', {}, 'OK intranet'],
    ['a relay domain', 'relay.example', {}, 'NOTFOUND '],
    ['a domain with mailboxes', 'example.org', {}, 'NOTFOUND '],
    ['a domain with a catch-all alone', 'old.example', {}, 'NOTFOUND '],
    ['a foreign domain', 'example.com', {}, 'NOTFOUND '],
    ['the star that trivial-rewrite asks for', '*', {}, 'NOTFOUND '],
    ['a bare user of the default domain', 'info', BARE, 'OK fred@example.org'],
    ['a bare user with a dot', 'first.last', BARE, 'OK fred@example.org'],
    ['a bare user who is no alias', 'fred', BARE, 'NOTFOUND '],
    [
      'a foreign domain, which no catch-all may catch',
      'example.com',
      { ...BARE, defaultDomain: 'catch.example' },
      'NOTFOUND ',
    ],
    [
      'a bare user, whom a catch-all catches',
      'nobody',
      { ...BARE, defaultDomain: 'catch.example' },
      'OK fred@example.org',
    ],
    ['a local domain', 'info@localhost', BARE, 'OK fred@example.org'],
    ['a bare target, followed', 'bare@example.org', { ...BARE, ...FULLY }, 'OK fred'],

    ['capitals, where only domains are folded', 'Caps@EXAMPLE.org', { fold: 'domain' }, 'OK fred@example.org'],
    ['lower case, where local parts are not folded', 'caps@example.org', { fold: 'domain' }, 'NOTFOUND '],
    ['a domain in capitals, where nothing is folded', 'info@EXAMPLE.org', { fold: 'none' }, 'NOTFOUND '],
  ])('answers %s', async (_name, key, options, reply) => {
    expect(await answer(key, options, store)).toBe(reply);
  });

  it.each<[string, string, Partial<AliasOptions>, string]>([
    [
      'a loop',
      'x@loop.example',
      {},
      'LoopError: aliases in a loop: x@loop.example -> y@loop.example -> z@loop.example -> x+more@loop.example -> y+more@loop.example -> z+more@loop.example -> x+more@loop.example',
    ],
    [
      'a loop that begins behind the key',
      'w@left.example',
      {},
      'LoopError: aliases in a loop: w@left.example -> w@right.example -> w@left.example',
    ],
    ['a bare user of no domain', 'fred', {}, 'UncertainError: a key without a domain: set default_domain for this map'],
    [
      'a chain without end in sight',
      'n0@deep.example',
      {},
      'UncertainError: over 20 aliases in a row, the last one is n21@deep.example: make the chain shorter',
    ],
    [
      'more targets than anybody can follow',
      'many@example.org',
      FULLY,
      'UncertainError: the aliases of many@example.org lead to over 1000 targets: make the list shorter',
    ],
    [
      'an alias that only the mail server can follow',
      'prog@example.org',
      {},
      'UncertainError: an alias has the target |prog, which works only in the aliases file of the mail server: move it there',
    ],
  ])('is not certain of %s', async (_name, key, options, error) => {
    expect(await answer(key, options, store)).toBe(error);
  });
});

it('an alias map is not certain of what it cannot read', async () => {
  const broken = storeOf(() => ({ value: 'fred@exa..mple', state: 'active' }));
  expect(await answer('info@example.org', {}, broken)).toMatch(/^UncertainError: an alias cannot be read: the target/);
});

describe('an alias map over a store that fails', () => {
  const failing = (question: number): Store => {
    let asked = 0;
    return storeOf((about) => (++asked === question ? Promise.reject(new Error('gone')) : memory.lookup(about)));
  };

  it.each([
    ['the address', 'nobody+x@catch.example', 1],
    ['the address without its detail', 'nobody+x@catch.example', 2],
    ['the catch-all', 'nobody+x@catch.example', 3],
    ['the mailbox that the catch-all must spare', 'nobody+x@catch.example', 4],
    ['the same without its detail', 'nobody+x@catch.example', 5],
    ['where a target leads', 'info@example.org', 2],
    ['a domain', 'lists.example', 1],
    ['the mailbox in a domain that stands for another', 'fred@sales.example', 3],
  ])('fails where it cannot ask for %s', async (_, key, question) => {
    expect(await answer(key, {}, failing(question))).toBe('Error');
  });
});
