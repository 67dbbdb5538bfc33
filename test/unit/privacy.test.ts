import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { parseAst } from 'vitest/node';
import { factsOf, openMaps } from '../../src/daemon/maps.ts';
import { createAnswer } from '../../src/map/map.ts';
import { foreign, saying } from '../../src/message.ts';
import { createCipher } from '../../src/observe/cipher.ts';
import { DOMAINS, type Keys, PLAIN, hiding } from '../../src/observe/keys.ts';
import { type Log, createLog } from '../../src/observe/log.ts';
import { newSecret } from '../../src/observe/secret.ts';
import { stateOf } from '../../src/store/driver/dovecot/quota.ts';
import { answerTo } from '../../src/store/driver/ldap/search.ts';
import { createBatch } from '../../src/store/guard/batch.ts';
import { createBreaker } from '../../src/store/guard/breaker.ts';
import { createCache } from '../../src/store/guard/cache.ts';
import { createCanary } from '../../src/store/guard/canary.ts';
import { createReplicas } from '../../src/store/guard/replicas.ts';
import { proveTwice } from '../../src/store/proof.ts';
import { answerOf } from '../../src/store/row.ts';
import { QuestionError, type Store, StoreError, failureAt, toStoreError } from '../../src/store/store.ts';
import type { Answer, MailboxQuestion, Question } from '../../src/vocabulary.ts';
import { openStore, parseConfig } from '../support/config.ts';

/** The part of an address that must not be in the log, whatever is around it. It is another one in each test. */
const newName = (): string => `q${Math.random().toString(36).slice(2, 12)}`;

/** How a name stands in an address: plain, with a detail, in capitals, in quotes, in Unicode. */
const SPELLINGS: readonly ((name: string) => string)[] = [
  (name) => name,
  (name) => `${name}+news`,
  (name) => name.toUpperCase(),
  (name) => `"${name} x"`,
  (name) => `\u00fc${name}`,
];

/** A log that hides with `keys`, and what it wrote. */
function logWith(keys: Keys): { log: Log; written: () => string } {
  const lines: string[] = [];
  const logger = pino({ level: 'debug', base: null }, { write: (line: string) => lines.push(line) });
  const log = createLog(logger, { add: 'smmap mailbox add', ask: 'smmap probe' }, { keys });
  return {
    log,
    written() {
      log.flush();
      return lines.join('').toLowerCase();
    },
  };
}

const cipher = createCipher(newSecret());
const HIDING: readonly (readonly [string, Keys])[] = [
  ['domain', DOMAINS],
  ['hash', hiding(cipher.hide)],
];

/** Runs `fail` with a log, and expects the name in the plain log and in no other one. */
async function expectHidden(name: string, fail: (log: Log) => unknown): Promise<void> {
  const plain = logWith(PLAIN);
  await fail(plain.log);
  expect(plain.written(), 'the plain log').toContain(name);
  for (const [mode, keys] of HIDING) {
    const { log, written } = logWith(keys);
    await fail(log);
    expect(written(), mode).not.toContain(name);
    expect(written(), mode).not.toBe('');
  }
}

/** Asks a map of a configuration for a key. */
async function ask(log: Log, toml: string, map: string, key: string): Promise<void> {
  const config = parseConfig(toml, 'test', { socket: '/nowhere/s', store: '/nowhere' });
  const ignored = { opened() {}, unavailable() {} };
  const watched = { recovered() {}, failed() {} };
  const maps = await openMaps(config, (_, store) =>
    openStore(store, { availability: () => ignored, canary: () => watched, shrank() {} }),
  );
  const facts = factsOf(config);
  const answer = createAnswer(maps.handlers, (request, reply, cause) =>
    log.answered(request, reply, cause, facts(request)),
  );
  await answer({ map, key, asked: { listener: 'mta', arrived: performance.now() } });
  await maps.close();
}

const mailboxOf = (local: string): MailboxQuestion => {
  return { about: 'mailbox', local, domain: 'example.org', exact: false, folder: null, anyCase: false };
};
const domainMap = (records: string): string =>
  `[store.s]\ndriver = "memory"\n${records}\n[map.mailbox]\naliases = true\n[map.alias]\nkind = "alias"\nexpand = "fully"\n[map.once]\nkind = "alias"\nexpand = "once"\n`;
const list = (...lines: readonly string[]): string => lines.map((line) => JSON.stringify(line)).join(', ');

describe('log.keys hides who is asked for', () => {
  describe.each(SPELLINGS.map((spell) => [spell('NAME'), spell] as const))('written %s', (_, spell) => {
    const name = newName();
    const key = `${spell(name)}@example.org`;
    const nobody = 'mailboxes = ["joe@example.org"]\naliases = ["info@example.org joe@example.org"]';

    it.each([
      ['refused', 'mailbox', key, nobody],
      ['without an alias', 'alias', key, nobody],
      ['accepted', 'mailbox', key, `mailboxes = [${list(key)}]\naliases = ["info@example.org joe@example.org"]`],
      ['without a domain', 'mailbox', spell(name), nobody],
      ['of an unknown map', 'other', key, nobody],
      ['without a map', key, 'x', nobody],
      [
        'in a loop',
        'mailbox',
        key,
        `mailboxes = ["joe@example.org"]\naliases = [${list(`${key} b@example.org`, `b@example.org ${key}`)}]`,
      ],
    ])('%s', async (_what, map, asked, records) => {
      await expectHidden(name, (log) => ask(log, domainMap(records), map, asked));
    });

    it('by the deadline, or by the connection itself', async () => {
      await expectHidden(name, (log) => {
        const facts = { name: 'mailbox', stores: 's', refuses: true, isDomain: false };
        log.deadlinePassed({ map: 'mailbox', key }, 4_000, facts);
        log.refusedHere({ map: 'mailbox', key }, 'too many connections');
      });
    });
  });

  // Each took seconds to days, or threw, which ended the daemon.
  describe.each(HIDING)('soon, whatever the key is (%s)', (_mode, keys) => {
    const name = newName();
    it.each([
      ['a domain that is none', `x@${'a'.repeat(900)}!`],
      ['a domain of labels that is none', `x@${'a.'.repeat(450)}!`],
      ['a very long local part', `${name.repeat(90_000)}@example.org`],
      ['very many @', '@'.repeat(900_000)],
    ])('%s', (_what, key) => {
      const { log, written } = logWith(keys);
      const facts = { name: 'mailbox', stores: 's', refuses: true, isDomain: false };
      const failure = new StoreError(saying`the server said ${foreign(`no such user ${key}`)}`);
      log.answered({ map: 'mailbox', key }, { kind: 'NOTFOUND' }, null, facts);
      log.answered({ map: 'mailbox', key }, { kind: 'TEMP', reason: 'lookup failed' }, failure, facts);
      expect(written().split('\n')).toHaveLength(3);
      expect(written()).not.toContain(name);
    });
  });

  describe('in what an alias leads to', () => {
    const name = newName();
    const target = `${name}@example.org`;
    const chain = Array.from(
      { length: 25 },
      (_, at) => `${at === 0 ? 'a' : `${name}${at}`}@example.org ${name}${at + 1}@example.org`,
    );
    const many = (count: number): string =>
      `a@example.org ${Array.from({ length: count }, (_, at) => `t${at}@elsewhere.example`).join(', ')}`;
    it.each([
      ['a loop', 'alias', 'a@example.org', [`a@example.org ${target}`, `${target} a@example.org`]],
      ['a long chain, in a mailbox map', 'mailbox', 'a@example.org', chain],
      ['a long chain, in an alias map', 'alias', 'a@example.org', chain],
      ['a target only for aliases(5)', 'alias', 'a@example.org', [`a@example.org "|/usr/bin/vacation ${name}"`]],
      [
        'a target that skips an alias',
        'once',
        'a@example.org',
        [`a@example.org \\${name}@example.org`, `${target} joe@example.org`],
      ],
      ['too many targets', 'alias', target, [many(1_100).replace('a@example.org', target)]],
    ])('%s', async (_, map, key, aliases) => {
      const toml = domainMap(`mailboxes = ["joe@example.org"]\naliases = [${list(...aliases)}]`);
      await expectHidden(name, (log) => ask(log, toml, map, key));
    });
  });

  it.each([['a key of a table', 'tables = { access = ["NAME REJECT"] }', 'kind = "table"', 'access', 'from:NAME']])(
    '%s',
    async (_, records, map, at, key) => {
      const name = newName();
      const toml = `[store.s]\ndriver = "memory"\n${records.replaceAll('NAME', name)}\n[map.${at}]\n${map}\n`;
      await expectHidden(name, (log) => ask(log, toml, at, key.replaceAll('NAME', name)));
    },
  );

  const name = newName();
  const question = mailboxOf(name);
  const address = `${name}@example.org`;
  const dn = `uid=${name},ou=people,dc=example,dc=org`;
  const alias: Question = { about: 'alias', local: 'a', domain: 'example.org', exact: false };
  const ldap = (value: string | null) => ({
    base: '',
    timeoutMs: 1_000,
    searches: {
      alias: { value: 'mgrp', state: { attribute: 'st', values: {} }, identity: null },
      mailbox: { value, state: null, identity: null },
    } as never,
    certain: true,
    domainScope: false,
  });
  const entry = (attributes: Record<string, string>) => ({
    code: 0,
    text: '',
    refers: [],
    entries: [
      {
        dn,
        cut: false,
        attributes: new Map(Object.entries(attributes).map(([at, text]) => [at, [Buffer.from(text, 'latin1')]])),
      },
    ],
  });
  const thrownBy = (run: () => unknown): unknown => {
    try {
      run();
    } catch (cause) {
      return cause;
    }
    throw new Error('nothing was thrown');
  };
  const rejectionOf = (asking: unknown): Promise<unknown> =>
    Promise.resolve(asking).then(
      () => Promise.reject(new Error('nothing')),
      (cause: unknown) => cause,
    );
  const proofWith = async (canary: StoreError | null): Promise<unknown> => {
    const answer = async (asked: readonly string[]): Promise<readonly (StoreError | null)[]> =>
      asked.map((each) => (each === address ? canary : null));
    const proving = {
      ask: answer,
      canariesOf: () => [address],
      otherSpelling: () => null,
      nameOf: (asked: string) => asked,
    };
    const [told] = await proveTwice([name], proving);
    return told;
  };
  const failing = (cause: unknown): Store => ({
    lookup: () => Promise.reject(cause),
    lookupAtOnce: () => Promise.reject(cause),
    atomic: false,
    close() {},
  });

  /** What a store may fail with: by the texts of its server, and by what the entry holds. The request is for another address. */
  const CAUSES: readonly (readonly [string, () => unknown])[] = [
    ['PostgreSQL', () => toStoreError(new Error(`invalid input syntax for type integer: "${name}"`))],
    ['MariaDB', () => failureAt('db:3306', new QuestionError(`Incorrect string value: '${name}' for column \`x\``))],
    ["MariaDB, of o'brien", () => new QuestionError(`Incorrect string value: 'o'${name}' for column`)],
    ['a server that says the address', () => new StoreError(`no row for ${address}; try again`)],
    ['a server that says the address in a URL', () => new StoreError(`GET http://x/y?z=${name}%40example.org failed`)],
    ['a state', () => thrownBy(() => answerOf(question, [{ address, state: name }]))],
    ['a value', () => thrownBy(() => answerOf(question, [{ address, value: { name } }]))],
    ['LDAP: no value', () => thrownBy(() => answerTo(alias, entry({}), ldap(null)))],
    ['LDAP: a state', () => thrownBy(() => answerTo(alias, entry({ mgrp: 'x', st: name }), ldap(null)))],
    ['LDAP: a value', () => thrownBy(() => answerTo(question, entry({ x: '\xff' }), ldap('x')))],
    [
      'LDAP: a referral',
      () => thrownBy(() => answerTo(alias, { ...entry({}), entries: [], refers: [[`ldap://b/${dn}`]] }, ldap(null))),
    ],
    [
      'LDAP: a result',
      () => thrownBy(() => answerTo(alias, { ...entry({}), entries: [], code: 80, text: `bad ${name}` }, ldap(null))),
    ],
    ['a proof: a canary that fails', () => proofWith(new StoreError('failed'))],
    ['a proof: an absent canary', () => proofWith(null)],
    ['Dovecot: quota-status', () => stateOf(`REJECT <${address}> unknown`)],
    [
      'a breaker',
      async () => {
        const store = createBreaker(
          failing(new StoreError(`bad "${name}"`)),
          { failures: 1, probeMs: 9_000, probe: alias },
          { opened() {}, unavailable() {} },
        );
        await rejectionOf(store.lookup(alias));
        const cause = thrownBy(() => store.lookup(alias));
        await store.close();
        return cause;
      },
    ],
    [
      'replicas',
      () =>
        rejectionOf(
          createReplicas([failing(new StoreError('gone')), failing(new StoreError(`bad "${name}"`))]).lookup(alias),
        ),
    ],
    [
      'a batch',
      () =>
        rejectionOf(
          createBatch(
            { lookupAll: () => Promise.reject(new StoreError(`bad '${name}'`)), atomic: false, close() {} },
            { most: 9, inFlight: 1 },
          ).lookup(alias),
        ),
    ],
    [
      'a cache',
      async () => {
        const lives = { positiveMs: 9_000, negativeMs: 9_000, failureMs: 9_000, staleMs: 0, entries: 100 };
        const store = createCache(failing(new StoreError(`bad "${name}"`)), lives);
        await rejectionOf(store.lookup(alias));
        return thrownBy(() => store.lookup(alias));
      },
    ],
    ['a bug', () => new TypeError(`Cannot read properties of undefined (reading '${name}')`)],
  ];
  it.each(CAUSES)('in a failure of a store: %s', async (_, failure) => {
    const cause = await failure();
    await expectHidden(name, (log) => {
      log.answered({ map: 'mailbox', key: 'info@example.org' }, { kind: 'TEMP', reason: 'lookup failed' }, cause, {
        name: 'mailbox',
        stores: 's',
        refuses: true,
        isDomain: false,
      });
      log.storeUnavailable('s', 'db:1', cause);
      log.storeEmpty('s', 'alias', cause);
      log.reloadRefused(cause, true);
      log.reloadRefused(cause, false);
      log.failed(cause);
    });
  });

  it('in a text of a server that has the local part alone', async () => {
    const cause = new StoreError(`no such user ${name}`);
    await expectHidden(name, (log) =>
      log.answered({ map: 'mailbox', key: address }, { kind: 'TEMP', reason: 'x' }, cause, {
        name: 'mailbox',
        stores: '',
        refuses: true,
        isDomain: false,
      }),
    );
  });

  it.each<[string, Question]>([
    ['a mailbox', question],
    ['a key', { about: 'key', table: 'access', key: name, exact: false }],
  ])('in a canary that fails: %s', async (_, present) => {
    const causes: unknown[] = [];
    const kind = present.about === 'key' ? 'key access' : present.about;
    const absences: Store = {
      lookup: () => null,
      lookupAtOnce: (asked): Answer[] => asked.map(() => null),
      atomic: true,
      close() {},
    };
    const store = createCanary(absences, new Map([[kind, [{ present, absent: alias }]]]), {
      recovered() {},
      failed: (cause) => causes.push(cause),
    });
    expect(thrownBy(() => store.lookup(present))).toBeDefined();
    await store.close();
    expect(causes).toHaveLength(1);
    await expectHidden(name, (log) => log.canaryFailed('s', null, causes[0]));
  });

  it('in the alarm of a harvest: the domain', async () => {
    const alarm = { map: 'mailbox', listener: 'mta', misses: 1_200, names: 900, sinceMs: 1, forMs: 60_000 };
    const hidden = logWith(hiding(() => 'hash:x'));
    const shown = logWith(DOMAINS);
    for (const { log } of [hidden, shown]) {
      log.harvestStarted({ ...alarm, domain: 'example.org' });
      log.harvestEnded({ ...alarm, domain: 'example.org' });
    }
    expect(hidden.written()).not.toContain('example.org');
    expect(hidden.written().match(/hash:x/g)).toHaveLength(4); // in the field and in the text
    expect(shown.written().match(/example\.org/g)).toHaveLength(4);
  });

  it('keeps the stack of a bug, without its message', () => {
    const { log, written } = logWith(DOMAINS);
    log.failed(new Error(`first line\nof ${address}`));
    expect(written()).toContain('privacy.test.ts');
    expect(written()).not.toContain(name);
  });
});

describe('log.keys = "domain"', () => {
  it.each([
    ['fred@example.org', false, '*@example.org'],
    ['fred', false, '*'],
    ['@example.org', false, '*@example.org'],
    ['fred@[192.0.2.1]', false, '*@[192.0.2.1]'],
    ['from:fred@b\u00fccher.example', false, '*@b\u00fccher.example'],
    ['fred@', false, '*'],
    ['x@fred smith', false, '*'],
    ['"a@b"', false, '*'],
    ['example.org', true, 'example.org'],
    ['', false, ''],
    [null, false, null],
  ])('shows %s (a domain: %s) as %s', (key, isDomain, shown) => {
    expect(DOMAINS.key(key, isDomain)).toBe(shown);
  });
});

describe('log.keys = "hash"', () => {
  it('makes the same hash of the same key in the key and in the cause', async () => {
    const { log, written } = logWith(hiding(createCipher(Buffer.alloc(32)).hide));
    await ask(
      log,
      domainMap(
        'mailboxes = ["joe@example.org"]\naliases = ["a@example.org b@example.org", "b@example.org a@example.org"]',
      ),
      'mailbox',
      'a@example.org',
    );
    const hashes = written().match(/hash:[\w-]+/g) ?? [];
    expect(hashes.filter((hash) => hash === hashes[0]).length).toBeGreaterThan(2);
  });
});

describe('a value in an error of a store', () => {
  // Words that name nobody: files, hosts, names and words of the configuration, numbers, and words of other programs.
  const NOBODY =
    /^(?:name|flaw|path|file|dir|what|message|about|then|reason|sign|character|rest|escaped|raw|tag|line|host|where|slot|asked|size|doubt|status|lockOf\(file\)|place\.flaw|filter\.flaw|read\.flaw|address\.flaw|String\(read\.flaw\)|options\.url|question\.table|plan\.witness|[A-Z_]+(?:\.type|\.join\(', '\))?|.*(?:length|timeoutMs|[mM]essage|toString\(16\)|\.kind|\.id|packetBytes|String\(at\)|String\(cause\)|names\.join\(' or '\)|remedyFor\(status\)|withRemedy\(.*\)|lackOf\(.*\)|npmCommand\(.*\)|typeOf\(response\).*|withoutSecrets\(.*\)|raw\.replace\(.*\)|slice\(reader\.at\)))$/s;
  const ROOT = new URL('../../src/store/', import.meta.url).pathname;
  type Node = { readonly type: string; readonly start: number; readonly end: number } & Readonly<
    Record<string, unknown>
  >;
  const visit = (node: unknown, see: (node: Node) => boolean): void => {
    if (Array.isArray(node)) return node.forEach((each) => visit(each, see));
    if (typeof node !== 'object' || node === null || typeof (node as Node).type !== 'string') return;
    if (see(node as Node)) for (const each of Object.values(node)) visit(each, see);
  };

  it('names nobody, or is in a text of `saying`, which the log can hide', () => {
    const suspects: string[] = [];
    for (const file of readdirSync(ROOT, { recursive: true, encoding: 'utf8' }).filter((each) =>
      each.endsWith('.ts'),
    )) {
      const text = readFileSync(join(ROOT, file), 'utf8');
      visit(parseAst(text, { lang: 'ts' }), (made) => {
        if (made.type !== 'NewExpression' || !String((made['callee'] as Node)['name']).endsWith('Error')) return true;
        visit(made['arguments'], (part) => {
          if (part.type !== 'TemplateLiteral') return part.type !== 'TaggedTemplateExpression';
          const values = (part['expressions'] as readonly Node[]).map(({ start, end }) => text.slice(start, end));
          suspects.push(...values.filter((value) => !NOBODY.test(value)).map((value) => `${file}: ${value}`));
          return true;
        });
        return true;
      });
    }
    expect(suspects).toEqual(['driver/ldap/presets.ts: text']); // a filter that smmap has itself
  });
});
