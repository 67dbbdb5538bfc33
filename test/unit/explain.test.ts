import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { codeOfReply } from '../../src/cli/probe.ts';
import { type Explanation, explain, explainTo } from '../../src/daemon/explain.ts';
import { createHandler, openMaps } from '../../src/daemon/maps.ts';
import { createAnswer } from '../../src/map/map.ts';
import { sendable } from '../../src/protocol/reply.ts';
import { createBreaker } from '../../src/store/guard/breaker.ts';
import { createCache } from '../../src/store/guard/cache.ts';
import { createCanary } from '../../src/store/guard/canary.ts';
import { createReplicas } from '../../src/store/guard/replicas.ts';
import { createSpellings } from '../../src/store/guard/spellings.ts';
import { UNTOLD } from '../../src/store/open.ts';
import { type Store, StoreError } from '../../src/store/store.ts';
import type { Step } from '../../src/trace.ts';
import type { Question } from '../../src/vocabulary.ts';
import { openStore, parseConfig } from '../support/config.ts';
import { createFakeStore } from '../support/store.ts';
import { momentOf } from '../support/world.ts';

const PEOPLE = `
[listen.mta]
path = "/run/s"
[store.local]
driver = "memory"
mailboxes = ["fred@example.org folder=abc", "off@example.org state=disabled", "full@example.org state=overquota"]
aliases = ["info@example.org fred@example.org", "a@example.org b@example.org", "b@example.org a@example.org",
  "gone@example.org nobody@example.org", "deep@example.org info@example.org", "@caught.example fred@example.org"]
domains = ["example.org", "caught.example alias", "relay.example relay"]
tables = { access = ["Spammer REJECT"] }
`;

const opened: Store[] = [];
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
});

/** A configuration with the stores of PEOPLE, and its maps. */
async function answering(maps: string, people = PEOPLE) {
  const config = parseConfig(people + maps, 'f', { socket: '/s', store: '/x' });
  const open = await openMaps(config, (_, store) => openStore(store, UNTOLD));
  opened.push(...open.stores.values());
  return { config, ...open };
}

/** A step as a text: what it is about, what it says, how it ended. */
function linesOf(steps: readonly Step[], indent = ''): string[] {
  return steps.flatMap(({ about, text, outcome, steps: inner }) => [
    `${indent}${about}: ${text}${outcome === null ? '' : ` => ${outcome}`}`,
    ...linesOf(inner, `${indent}  `),
  ]);
}

const KEY = (key: string, map = 'm') => [`key: ${key}`, `map: [map.${map}]`];
const DOMAIN = 'domain: example.org: from the key';
const bare = (local: string) => [DOMAIN, `address: local part ${local} (fold = "both")`];
const NO_DETAIL = 'detail: none: no + behind a user';

describe('the steps of', () => {
  it.each<[string, string, string, string[], string]>([
    [
      'a mailbox, with its case, its detail and an alias domain',
      'default_domain = "example.org"\nalias_domains = { "sales.example" = "example.org" }',
      'Fred+Lists@Sales.Example',
      [
        ...KEY('Fred+Lists@Sales.Example'),
        'domain: sales.example: from the key',
        'domain: example.org: alias_domains has sales.example = "example.org"',
        'address: local part fred+lists: case-folded (fold = "both")',
        'detail: user fred, separator +, detail Lists',
        'store: local: mailbox fred+lists@example.org => absent',
        'detail: does not count: policy = "ignore"',
        'store: local: mailbox fred@example.org => found',
      ],
      'OK Fred+Lists@Sales.Example',
    ],
    [
      'a user without a domain',
      'default_domain = "example.org"',
      'fred',
      [
        ...KEY('fred'),
        'domain: example.org: the key has none, and default_domain = "example.org"',
        'address: local part fred (fold = "both")',
        NO_DETAIL,
        'store: local: mailbox fred@example.org => found',
      ],
      'OK fred',
    ],
    [
      'a user at a local domain',
      'default_domain = "example.org"\nlocal_domains = ["localhost"]',
      'fred@localhost',
      [
        ...KEY('fred@localhost'),
        'domain: example.org: local_domains has "localhost", and default_domain = "example.org"',
        'address: local part fred (fold = "both")',
        NO_DETAIL,
        'store: local: mailbox fred@example.org => found',
      ],
      'OK fred@localhost',
    ],
    [
      'a user without a domain, where nobody said which',
      '',
      'fred',
      [...KEY('fred'), 'domain: the key has none, and default_domain is not set'],
      'TEMP lookup failed',
    ],
    [
      'a key that is not an address',
      '',
      'fred@',
      [...KEY('fred@'), 'address: the key cannot be an address: it has nothing after the @'],
      'NOTFOUND',
    ],
    [
      'an alias that the map does not look for',
      '',
      'info@example.org',
      [
        ...KEY('info@example.org'),
        ...bare('info'),
        NO_DETAIL,
        'store: local: mailbox info@example.org => absent',
        'alias: not asked: aliases = false',
        'moment: one question to one store: certain without a second look',
      ],
      'NOTFOUND',
    ],
    [
      'an alias of an alias',
      'aliases = true',
      'deep@example.org',
      [
        ...KEY('deep@example.org'),
        ...bare('deep'),
        NO_DETAIL,
        'store: local: mailbox deep@example.org => absent',
        'store: local: alias deep@example.org => found: info@example.org',
        'alias: deep@example.org leads to info@example.org',
        'store: local: mailbox info@example.org => absent',
        'store: local: alias info@example.org => found: fred@example.org',
        'alias: info@example.org leads to fred@example.org',
        'store: local: mailbox fred@example.org => found',
        'target: fred@example.org has a mailbox that takes mail',
        'alias: a target takes mail, so the alias counts',
      ],
      'OK deep@example.org',
    ],
    [
      'aliases in a loop',
      'aliases = true',
      'a@example.org',
      [
        ...KEY('a@example.org'),
        ...bare('a'),
        NO_DETAIL,
        'store: local: mailbox a@example.org => absent',
        'store: local: alias a@example.org => found: b@example.org',
        'alias: a@example.org leads to b@example.org',
        'store: local: mailbox b@example.org => absent',
        'store: local: alias b@example.org => found: a@example.org',
        'alias: b@example.org leads to a@example.org',
        'target: a@example.org leads back: a loop',
      ],
      'TEMP lookup failed',
    ],
    [
      'a folder that does not exist',
      'detail = { policy = "folder" }',
      'fred+x@example.org',
      [
        ...KEY('fred+x@example.org'),
        ...bare('fred+x'),
        'detail: user fred, separator +, detail x',
        'store: local: mailbox fred+x@example.org => absent',
        'detail: names a folder: policy = "folder"',
        'store: local: folder x of fred@example.org => absent',
        'store: local: mailbox fred+x@example.org (in this spelling) => absent',
        'alias: not asked: aliases = false',
        'moment: asks the same 3 questions again, as of one moment => the same answers: certain',
        '  store: local: mailbox fred+x@example.org, folder x of fred@example.org, ' +
          'mailbox fred+x@example.org (in this spelling) => absent, absent, absent',
      ],
      'NOTFOUND',
    ],
    [
      'a disabled mailbox',
      '',
      'off@example.org',
      [
        ...KEY('off@example.org'),
        ...bare('off'),
        NO_DETAIL,
        'store: local: mailbox off@example.org => found, disabled',
        'mailbox: is disabled: states.disabled = "NOTFOUND"',
        'alias: not asked: aliases = false',
        'moment: one question to one store: certain without a second look',
      ],
      'NOTFOUND',
    ],
    [
      'an address that a catch-all takes',
      'kind = "alias"',
      'x@caught.example',
      [
        ...KEY('x@caught.example'),
        'domain: caught.example: from the key',
        'address: local part x (fold = "both")',
        NO_DETAIL,
        'store: local: alias x@caught.example => absent',
        'store: local: catch-all @caught.example => found: fred@example.org',
        'store: local: mailbox x@caught.example => absent',
        'catch-all: takes x@caught.example',
        'alias: x@caught.example leads to fred@example.org',
        'store: local: alias fred@example.org => absent',
        'store: local: catch-all @example.org => absent',
        'alias: fred@example.org is not an alias',
        'target: fred@example.org may be on another server: it counts as taking mail',
        'moment: asks the same 5 questions again, as of one moment => the same answers: certain',
        '  store: local: alias x@caught.example, catch-all @caught.example, mailbox x@caught.example, alias fred@example.org, catch-all @example.org => absent, found: fred@example.org, absent, absent, absent',
      ],
      'OK fred@example.org',
    ],
    [
      'a domain of another class',
      'kind = "domain"\nclass = "mailbox"',
      'relay.example',
      [
        ...KEY('relay.example'),
        'domain: relay.example',
        'store: local: domain relay.example => found: relay',
        'class: is relay, and this map has class = "mailbox"',
        'moment: one question to one store: certain without a second look',
      ],
      'NOTFOUND',
    ],
    [
      'a key of a table',
      'kind = "table"\ntable = "access"',
      'SPAMMER',
      [
        ...KEY('SPAMMER'),
        'table: access: asks for spammer (fold = "both")',
        'store: local: key spammer of the table access => found: REJECT',
      ],
      'OK REJECT',
    ],
  ])('%s', async (_, keys, key, steps, reply) => {
    const explanation = await explain({ map: 'm', key }, await answering(`[map.m]\n${keys}\n`));
    expect(linesOf(explanation.steps)).toEqual(steps);
    expect(textOf(explanation)).toBe(reply);
  });

  it('a map that does not exist, and of the map for every other name', async () => {
    const explained = async (maps: string): Promise<string[]> => {
      const { steps, kind } = await explain({ map: 'x', key: 'fred@example.org' }, await answering(maps));
      return [String(kind), ...linesOf(steps).slice(0, 2)];
    };
    expect(await explained('[map.m]')).toEqual(['null', 'key: fred@example.org', 'map: there is no [map.x]']);
    expect(await explained('[map."*"]')).toEqual([
      'mailbox',
      'key: fred@example.org',
      'map: there is no [map.x], so [map."*"]',
    ]);
  });
});

const MAILBOX_MAP = { kind: 'mailbox', stores: ['s'] };
const FRED: Question = {
  about: 'mailbox',
  local: 'fred',
  domain: 'a.test',
  exact: false,
  folder: null,
  anyCase: false,
};

/** A map of mailboxes over one store that is not of a configuration. */
async function explainOver(store: Store, key: string, deadlineMs = 4_000): Promise<Explanation> {
  const { config } = await answering('[map.m]');
  const map = { ...MAILBOX_MAP, options: config.maps.get('m')?.options };
  const stores = new Map([['s', config.stores.get('local') as never]]);
  const changed = { ...config, stores, maps: new Map([['m', map]]), limits: { ...config.limits, deadlineMs } };
  const open = new Map([['s', store]]);
  const handlers = new Map([['m', createHandler(map, stores, open)]]);
  return explain({ map: 'm', key }, { config: changed, stores: open, handlers });
}

describe('the guards of a store say', () => {
  const innerSteps = ({ steps }: Explanation): string[] => linesOf(steps).filter((line) => /^(?: |store)/.test(line));

  it('whether an answer is from the cache, and how old it is', async () => {
    let now = 0;
    const options = { entries: 100, positiveMs: 60_000, negativeMs: 10_000, failureMs: 1_000, staleMs: 600_000 };
    const fake = createFakeStore(momentOf('fred@a.test'));
    const store = createCache(fake.store, options, () => now);
    expect(innerSteps(await explainOver(store, 'fred@a.test'))).toEqual([
      'store: s: mailbox fred@a.test => found',
      '  cache: not in the cache',
    ]);
    now = 12_300;
    expect(innerSteps(await explainOver(store, 'fred@a.test'))[1]).toBe(
      '  cache: from the cache, 12.3 s old, for at most 47.7 s more',
    );
    await explainOver(store, 'new@a.test');
    now = 15_000;
    const absent = await explainOver(store, 'new@a.test');
    expect(innerSteps(absent)[1]).toBe('  cache: from the cache, 2.7 s old, for at most 7.3 s more');
    expect(absent.hints).toEqual([
      'this comes from the cache; if the store has changed: smmap cache forget new@a.test',
    ]);
    fake.fail();
    now = 100_000;
    expect(innerSteps(await explainOver(store, 'fred@a.test'))).toEqual([
      'store: s: mailbox fred@a.test => found',
      '  cache: not in the cache',
      '  cache: the store fails, so the cache repeats what was found 100.0 s ago',
    ]);
  });

  it.each([true, false])('what the canary did (atomic: %s)', async (atomic) => {
    let people = momentOf('fred@a.test');
    const inner: Store = {
      lookup: (question) => people.lookup(question),
      lookupAtOnce: (questions) => people.lookupAtOnce(questions),
      atomic,
      close() {},
    };
    const canary = { present: FRED, absent: { ...FRED, local: 'xyzzy' } };
    const store = createCanary(inner, new Map([['mailbox', [canary]]]), { recovered() {}, failed() {} });
    opened.push(store);
    expect(innerSteps(await explainOver(store, 'nobody@a.test'))).toEqual([
      'store: s: mailbox nobody@a.test => absent',
      '  canary: fred@a.test is found: the absence is certain',
    ]);
    people = momentOf('other@a.test');
    const failed = await explainOver(store, 'nobody@a.test');
    expect([textOf(failed), failed.cause]).toEqual(['TEMP lookup failed', 'the canary fred@a.test is not found']);
    expect(failed.hints[0]).toMatch(/^the store was emptied/);
    expect(innerSteps(await explainOver(store, 'other@a.test'))).toEqual([
      'store: s: mailbox other@a.test => failed: the canary fred@a.test is not found',
      '  canary: fails: the canary fred@a.test is not found; the store is not asked until it recovers',
    ]);
  });

  it('which server was asked, what the breaker did, and by which spelling of a domain', async () => {
    const first = createFakeStore(momentOf('fred@a.test'));
    first.fail();
    const events = { opened() {}, unavailable() {} };
    const options = { failures: 1, probeMs: 60_000, probe: FRED };
    const broken = createBreaker(first.store, options, events);
    opened.push(broken);
    const store = createReplicas([broken, createSpellings(momentOf('fred@a.test'))], ['db1', 'db2']);
    expect(innerSteps(await explainOver(store, 'nobody@bücher.test'))).toEqual([
      'store: s: mailbox nobody@xn--bcher-kva.test => absent',
      '  server: asks db1',
      '  breaker: open: the server is not asked, and is probed every 60000 ms',
      '  server: db1 is not certain: not asked, because it failed: gone, on purpose',
      '  server: asks db2',
      '  spelling: absent by this spelling, so asks for the mailbox nobody@bücher.test too',
    ]);
  });

  it('why a store failed, and what did not come in time', async () => {
    const fake = createFakeStore(momentOf('fred@a.test'));
    fake.fail();
    const failed = await explainOver(fake.store, 'fred@a.test');
    expect([textOf(failed), failed.cause]).toEqual(['TEMP lookup failed', 'gone, on purpose']);
    expect(innerSteps(failed)).toEqual(['store: s: mailbox fred@a.test => failed: gone, on purpose']);
    fake.hang();
    const late = await explainOver(fake.store, 'fred@a.test', 20);
    expect(linesOf(late.steps).slice(-2)).toEqual([
      'store: s: mailbox fred@a.test',
      'deadline: no answer within 20 ms (limits.deadline_ms), so the client gets TEMP',
    ]);
    expect([textOf(late), late.cause]).toEqual(['TEMP deadline passed', 'no answer within 20 ms']);
  });
});

describe('the setting that decided', () => {
  it.each<[string, string, string, string[]]>([
    ['default_domain = "example.org"', 'fred', 'm', ['', 'default_domain', 'fold', 'detail.separators']],
    [
      'default_domain = "example.org"\nlocal_domains = ["localhost"]\ndetail = { policy = "folder" }',
      'fred+abc@localhost',
      'm',
      ['', 'local_domains', 'fold', 'detail.separators', 'detail.policy'],
    ],
    ['', 'off@example.org', 'm', ['', 'fold', 'detail.separators', 'states.disabled', 'aliases']],
    [
      'default_domain = "example.org"\nalias_domains = { "sales.example" = "example.org" }',
      'fred@sales.example',
      'm',
      ['', 'alias_domains', 'fold', 'detail.separators'],
    ],
    ['kind = "domain"\nclass = "mailbox"', 'relay.example', 'm', ['', 'class']],
    ['', 'fred', 'm', ['', 'default_domain']],
  ])('%s, %s', async (keys, key, section, settings) => {
    const explanation = await explain({ map: 'm', key }, await answering(`[map.m]\n${keys}\n`));
    expect(explanation.section).toBe(section);
    expect(explanation.steps.flatMap(({ setting }) => setting ?? [])).toEqual(settings);
  });
});

describe('what to do about', () => {
  it.each<[string, string, string, string, string[]]>([
    [
      'an alias',
      '[map.m]',
      'info@example.org',
      'aliases = true',
      ['aliases = false, but it is an alias: set aliases = true in [map.m]'],
    ],
    [
      'an alias, with a map for aliases',
      '[map.m]\n[map.v]\nkind = "alias"',
      'info@example.org',
      'aliases = true',
      [
        'aliases = false, but it is an alias: let the mail server ask [map.v] first (smmap mta prints how), or set aliases = true in [map.m]',
      ],
    ],
    [
      'an address that a catch-all takes',
      '[map.m]',
      'x@caught.example',
      'aliases = true',
      ['aliases = false, but a catch-all takes it: set aliases = true in [map.m]'],
    ],
    [
      'a folder',
      '[map.m]\ndetail = { policy = "folder" }',
      'fred+x@example.org',
      'detail.policy = "folder-or-inbox"',
      ['with detail.policy = "folder-or-inbox" in [map.m] the reply would be OK'],
    ],
    [
      'the case of a folder',
      '[map.m]\ndetail = { policy = "folder" }',
      'fred+ABC@example.org',
      'detail.policy = "folder-or-inbox", detail.folder_case = "insensitive"',
      [
        'with detail.policy = "folder-or-inbox" in [map.m] the reply would be OK',
        'with detail.folder_case = "insensitive" in [map.m] the reply would be OK',
      ],
    ],
    [
      'a separator',
      '[map.m]\ndetail = { separators = ["-"] }',
      'fred+x@example.org',
      'detail.separators = ["-","+"]',
      ['with detail.separators = ["-","+"] in [map.m] the reply would be OK'],
    ],
    [
      'the case of an address',
      '[map.m]\nfold = "domain"',
      'FRED@example.org',
      'fold = "both"',
      ['with fold = "both" in [map.m] the reply would be OK'],
    ],
    [
      'a domain of another class',
      '[map.m]\nkind = "domain"\nclass = "mailbox"',
      'relay.example',
      'without class',
      ['the domain is hosted, but it has another class: ask the map of its class'],
    ],
    [
      'a user without a domain',
      '[map.m]',
      'fred',
      '',
      ['add default_domain = "YOUR DOMAIN" to [map.m], or let the mail server ask for user@domain'],
    ],
    [
      'a mailbox over quota',
      '[map.m]',
      'full@example.org',
      '',
      ['states.overquota of [map.m] decides this: change the state in the store, or this setting'],
    ],
    [
      'nobody',
      '[map.m]',
      'nobody@example.org',
      '',
      ['no store of [map.m] has this mailbox; if it should exist: add it to the store'],
    ],
    ['somebody', '[map.m]', 'fred@example.org', '', []],
    [
      'an unknown map',
      '[map.x]',
      'fred@example.org',
      '',
      ['the maps are x: give one of these names to the mail server, or add [map.m] to the configuration'],
    ],
  ])('%s', async (_, maps, key, settings, hints) => {
    const { otherwise, hints: given } = await explain({ map: 'm', key }, await answering(maps));
    expect(otherwise.map(({ setting }) => setting).join(', ')).toBe(settings);
    expect(given).toEqual(hints);
  });

  it('an alias that another store has', async () => {
    const two = `${PEOPLE}[store.more]\ndriver = "memory"\naliases = ["else@example.org fred@example.org"]\n`;
    const { otherwise } = await explain({ map: 'm', key: 'else@example.org' }, await answering('[map.m]', two));
    expect(otherwise.flatMap(({ steps }) => linesOf(steps))).toContain(
      'store: more: alias else@example.org => found: fred@example.org',
    );
  });
});

describe('an explanation', () => {
  const PART = fc.constantFrom(
    'fred',
    'FRED',
    'info',
    'a',
    'b',
    'off',
    'full',
    'gone',
    'deep',
    'nobody',
    '"a b"',
    '',
    '*',
  );
  const HOST = fc.constantFrom(
    '',
    '@',
    '@example.org',
    '@Example.ORG',
    '@caught.example',
    '@relay.example',
    '@sales.example',
    '@localhost',
    '@no such',
  );
  const KEYS = fc.oneof(
    fc.tuple(PART, fc.constantFrom('', '+abc', '+ABC', '+', '-x'), HOST).map((parts) => parts.join('')),
    fc.string(),
    fc.constantFrom('example.org', 'relay.example', 'Spammer', 'spammer', 'caught.example'),
  );
  const option = (name: string, ...values: string[]) =>
    fc.constantFrom('', ...values.map((value) => `${name} = ${value}`));
  const MAPS = fc.oneof(
    fc
      .tuple(
        option('default_domain', '"example.org"'),
        option('alias_domains', '{ "sales.example" = "example.org" }'),
        option('aliases', 'true'),
        option('fold', '"none"', '"domain"'),
        option('detail', '{ policy = "folder" }', '{ policy = "folder-or-inbox" }', '{ separators = [] }'),
        option('states', '{ disabled = "PERM gone", overquota = "OK" }'),
        option('reply', '"address"', '"value"'),
      )
      .map((lines) => ['[map.m]', ...lines].join('\n')),
    fc
      .tuple(
        option('default_domain', '"example.org"'),
        option('catch_all', '"any"', '"none"'),
        option('expand', '"fully"'),
        option('alias_domains', '{ "sales.example" = "example.org" }'),
      )
      .map((lines) => ['[map.m]', 'kind = "alias"', ...lines].join('\n')),
    option('class', '"mailbox"', '"alias"').map((line) => `[map.m]\nkind = "domain"\n${line}`),
    option('fold', '"none"').map((line) => `[map.m]\nkind = "table"\ntable = "access"\n${line}`),
    fc.constant('[map."*"]\naliases = true'),
  );

  it('has the reply and the exit code that a probe gets, for any key and map', async () => {
    await fc.assert(
      fc.asyncProperty(MAPS, KEYS, async (maps, key) => {
        const open = await answering(maps);
        const probed = await createAnswer(open.handlers, () => {})({ map: 'm', key }, (reply) =>
          sendable(reply, open.config.limits.replyBytes),
        );
        const { reply } = await explain({ map: 'm', key }, open);
        expect(reply).toEqual(probed);
        expect(codeOfReply(reply)).toBe(codeOfReply(probed));
      }),
      { numRuns: 500 },
    );
  });

  it('tells of a reply that is too long, or is not a line', async () => {
    const open = await answering('[map.m]\nkind = "table"\ntable = "access"');
    const small = { ...open, config: { ...open.config, limits: { ...open.config.limits, replyBytes: 8 } } };
    expect(textOf(await explain({ map: 'm', key: 'spammer' }, small))).toBe('TEMP reply too long');
    const handlers = new Map([['m', () => ({ kind: 'OK', value: 'a\nb' }) as const]]);
    expect(textOf(await explain({ map: 'm', key: 'spammer' }, { ...open, handlers }))).toBe('TEMP reply is not a line');
  });

  it('fits into a reply of the control socket, whatever is in it', async () => {
    const open = await answering('[map.m]');
    const noisy = new Map([
      [
        'm',
        (_: string | null, trace?: { note(about: 'key', text: string): void }) => {
          for (let at = 0; at < 1_000; at++) trace?.note('key', '\u0001'.repeat(1_000));
          return { kind: 'OK', value: '\u0001'.repeat(90_000) } as const;
        },
      ],
    ]);
    const explanation = await explainTo('m fred@example.org', { ...open, handlers: noisy });
    expect(Buffer.byteLength(JSON.stringify(explanation))).toBeLessThan(100_000 - 'OK '.length);
    expect(explanation.leftOut).toBe(1_002 - explanation.steps.length);
    expect(explanation.steps.length).toBeGreaterThan(10);
    expect([explanation.map, explanation.key]).toEqual(['m', 'fred@example.org']);
  });

  it('rejects nothing: a map that breaks is a cause', async () => {
    const open = await answering('[map.m]');
    const broken = new Map([
      [
        'm',
        () => {
          throw new StoreError('oops');
        },
      ],
    ]);
    const { reply, cause } = await explain({ map: 'm', key: 'x' }, { ...open, handlers: broken });
    expect([reply.kind, cause]).toEqual(['TEMP', 'oops']);
  });
});

function textOf({ reply }: Explanation): string {
  if (reply.kind === 'NOTFOUND') return reply.kind;
  return `${reply.kind} ${reply.kind === 'OK' ? reply.value : reply.reason}`;
}
