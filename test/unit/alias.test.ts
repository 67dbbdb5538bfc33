import { describe, expect, it } from 'vitest';
import { createAliasMap } from '../../src/map/alias.ts';
import type { AliasOptions } from '../../src/map/chain.ts';
import { formatReply } from '../../src/protocol/reply.ts';
import { type Alias, parseAliasLine } from '../../src/record/alias.ts';
import { type HostedDomain, parseDomainLine } from '../../src/record/domain.ts';
import { type Mailbox, parseMailboxLine } from '../../src/record/mailbox.ts';
import { createMemoryStore } from '../../src/store/driver/memory/driver.ts';
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

/** The same store with answers that come later. A map must work the same with both. */
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
      'several targets, one of them with a comma',
      'team@example.org',
      {},
      'OK fred@example.org, "a, b"@example.com, pat@example.net',
    ],
    ['capitals', 'INFO@Example.org', {}, 'OK fred@example.org'],
    ['nothing for a mailbox', 'fred@example.org', {}, 'NOTFOUND '],
    ['nothing for an absent address', 'nobody@example.org', {}, 'NOTFOUND '],
    ['nothing for another domain', 'info@example.com', {}, 'NOTFOUND '],
    ['nothing for a key that cannot be an address', 'info@', {}, 'NOTFOUND '],
    ['nothing for a source route', '@catch.example:x@catch.example', {}, 'NOTFOUND '],
    ['nothing for a key that is not UTF-8', null, {}, 'NOTFOUND '],
    ['nothing for an empty key', '', {}, 'NOTFOUND '],
    ['one step of a chain, because the mail server asks again', 'a@chain.example', {}, 'OK b@chain.example'],
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
    ['a detail, but a target has its own', 'own+abc@example.org', {}, 'OK own+inbox@example.org'],
    ['a detail after a quoted target', 'quo.ted+a b@example.org', {}, 'OK "quo ted+a b"@example.org'],
    ['a detail after a bare target', 'bare+abc@example.org', {}, 'OK fred+abc'],
    ['a detail after a quoted bare target', 'quoted+abc@example.org', {}, 'OK "quo ted+abc"'],
    [
      'a detail after several targets',
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

    ['a catch-all for an address without a mailbox', 'nobody@catch.example', {}, 'OK fred@example.org'],
    ['no catch-all for a mailbox', 'fred@catch.example', {}, 'NOTFOUND '],
    ['no catch-all for a detail of a mailbox', 'fred+x@catch.example', {}, 'NOTFOUND '],
    ['no catch-all for a disabled mailbox', 'off@catch.example', {}, 'NOTFOUND '],
    ['a catch-all also for a mailbox, as in Postfix', 'fred@catch.example', { catchAll: 'any' }, 'OK fred@example.org'],
    ['no catch-all with catch_all = "none"', 'nobody@catch.example', { catchAll: 'none' }, 'NOTFOUND '],
    ['a catch-all without the detail', 'nobody+x@catch.example', {}, 'OK fred@example.org'],
    ['a catch-all that keeps the local part', 'Pat+x@old.example', {}, 'OK Pat+x@new.example'],
    ...['@catch.example', '++@catch.example', '+*@catch.example'].flatMap<
      [string, string, Partial<AliasOptions>, string]
    >((key) => [
      [`no catch-all for ${key}, which Sendmail asks for a mailbox too`, key, {}, 'NOTFOUND '],
      [`the catch-all for ${key} with catch_all = "any"`, key, { catchAll: 'any' }, 'OK fred@example.org'],
    ]),
    ['no catch-all for an alias domain', '@sales.example', { catchAll: 'any' }, 'NOTFOUND '],
    ['no catch-all for a domain without one', '@example.org', { catchAll: 'any' }, 'NOTFOUND '],
    ['no catch-all for a key that is not a domain', '@exa mple', { catchAll: 'any' }, 'NOTFOUND '],

    ['an alias in an alias domain', 'info@sales.example', {}, 'OK fred@example.org'],
    ['a mailbox in an alias domain', 'fred@sales.example', {}, 'OK fred@example.org'],
    ['a folder in an alias domain', 'fred+aBc@sales.example', {}, 'OK fred+aBc@example.org'],
    ['an absent address in an alias domain', 'nobody@sales.example', {}, 'NOTFOUND '],

    ['a domain of the class alias, as Postfix asks', 'lists.example', {}, 'OK lists.example'],
    ['a domain of the class alias without a dot', 'intranet', {}, 'OK intranet'],
    ['a relay domain', 'relay.example', {}, 'NOTFOUND '],
    ['a domain with mailboxes', 'example.org', {}, 'NOTFOUND '],
    ['a domain with only a catch-all', 'old.example', {}, 'NOTFOUND '],
    ['a foreign domain', 'example.com', {}, 'NOTFOUND '],
    ['the star that trivial-rewrite asks for', '*', {}, 'NOTFOUND '],
    ['a bare user of the default domain', 'info', BARE, 'OK fred@example.org'],
    ['a bare user with a dot', 'first.last', BARE, 'OK fred@example.org'],
    ['a bare user that is not an alias', 'fred', BARE, 'NOTFOUND '],
    [
      'a foreign domain that a catch-all must not catch',
      'example.com',
      { ...BARE, defaultDomain: 'catch.example' },
      'NOTFOUND ',
    ],
    [
      'a bare user that a catch-all catches',
      'nobody',
      { ...BARE, defaultDomain: 'catch.example' },
      'OK fred@example.org',
    ],
    ['a local domain', 'info@localhost', BARE, 'OK fred@example.org'],
    ['a bare target, followed', 'bare@example.org', { ...BARE, ...FULLY }, 'OK fred'],

    ['capitals, if only domains are folded', 'Caps@EXAMPLE.org', { fold: 'domain' }, 'OK fred@example.org'],
    ['lower case, if local parts are not folded', 'caps@example.org', { fold: 'domain' }, 'NOTFOUND '],
    ['a domain in capitals, if nothing is folded', 'info@EXAMPLE.org', { fold: 'none' }, 'NOTFOUND '],
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
      'a loop that begins after the key',
      'w@left.example',
      {},
      'LoopError: aliases in a loop: w@left.example -> w@right.example -> w@left.example',
    ],
    [
      'a bare user without a default domain',
      'fred',
      {},
      'UncertainError: a key without a domain: set default_domain for this map',
    ],
    [
      'a chain that is too long',
      'n0@deep.example',
      {},
      'UncertainError: over 20 aliases in a row, the last one is n21@deep.example: make the chain shorter',
    ],
    [
      'too many targets',
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
  ])('is uncertain for %s', async (_name, key, options, error) => {
    expect(await answer(key, options, store)).toBe(error);
  });
});

it('an alias map is uncertain of an alias that it cannot read', async () => {
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
    ['the mailbox, whose mail the catch-all must not take', 'nobody+x@catch.example', 4],
    ['the same without its detail', 'nobody+x@catch.example', 5],
    ['the alias of a target', 'info@example.org', 2],
    ['a domain', 'lists.example', 1],
    ['the mailbox in an alias domain', 'fred@sales.example', 3],
  ])('fails if it cannot ask for %s', async (_, key, question) => {
    expect(await answer(key, {}, failing(question))).toBe('Error');
  });
});
