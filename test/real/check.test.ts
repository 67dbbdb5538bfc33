import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createEmpty } from '../../src/store/driver/embedded/whole.ts';
import { cli, makeFolder } from './daemon.ts';

/** Fills a store by commands, each with what it reads, and checks a configuration of maps and more stores over it. */
async function checked(
  filled: readonly (readonly [args: readonly string[], stdin: string])[],
  config: string,
): Promise<readonly [code: number, said: string]> {
  const folder = await makeFolder();
  const store = join(folder, 'store');
  if (filled.length > 0) await createEmpty(store);
  for (const [args, stdin] of filled) {
    const { code, stderr } = await cli([...args, '--store', store], stdin);
    expect(code, stderr).toBe(0);
  }
  const file = join(folder, 'smmap.toml');
  writeFileSync(file, `store.local = { driver = "embedded", path = "${store}" }\n${config}`);
  const { code, stdout, stderr } = await cli(['check', '--config', file]);
  return [code, (stdout + stderr).replaceAll(`${folder}/`, '').replaceAll('smmap: smmap.toml: ', '').trimEnd()];
}

const RIGHT = expect.stringMatching(/^smmap\.toml: no mistakes \(/) as string;
const MAILBOXES = [['mailbox', 'import', '-'], 'fred@a.example\n'] as const;
const ALIASES = [['alias', 'import', '-'], 'info@a.example fred@a.example\n'] as const;
const noAliases = [['alias', 'import', '--allow-empty', '-'], ''] as const;
const emptyOf = (map: string, why: string): string =>
  `map ${map}: replies TEMP to each key that it does not find: store local: store/smmap.mdb: ${why}`;
const NO_ALIAS =
  'no alias was ever written to it; if there are no aliases at all, say so: smmap alias import --allow-empty /dev/null';

describe('smmap check finds a store that was never filled', () => {
  const virtual = '[map.virtual]\nkind = "alias"\n';

  test('if an alias map needs its aliases', async () => {
    expect(await checked([MAILBOXES], virtual)).toEqual([65, emptyOf('virtual', NO_ALIAS)]);
    expect(await checked([MAILBOXES, noAliases], virtual)).toEqual([0, RIGHT]);
    expect(await checked([MAILBOXES, ALIASES], virtual)).toEqual([0, RIGHT]);
  });

  test('if a mailbox map needs its aliases', async () => {
    const mailbox = '[map.mailbox]\naliases = true\n';
    expect(await checked([MAILBOXES], mailbox)).toEqual([65, emptyOf('mailbox', NO_ALIAS)]);
    expect(await checked([MAILBOXES], '[map.mailbox]\n')).toEqual([0, RIGHT]);
  });

  test('if a map needs its mailboxes or its table', async () => {
    expect(await checked([ALIASES], '[map.mailbox]\n')).toEqual([
      65,
      emptyOf(
        'mailbox',
        'no mailbox was ever written to it; if there are no mailboxes at all, say so: smmap mailbox import --allow-empty /dev/null',
      ),
    ]);
    const [code, said] = await checked([MAILBOXES], '[map.access]\nkind = "table"\n[map.domains]\nkind = "domain"\n');
    expect(code).toBe(65);
    expect(said).toMatch(/^map access: replies TEMP .* no key was ever written to its table access; [^\n]*$/);
  });

  test('but does not name a store that is missing', async () => {
    expect((await checked([], virtual))[0]).toBe(0);
  });
});

describe('smmap check finds a store that finds entries but has no values for them', () => {
  const noValue = (map: string, store: string, noun: string): string =>
    `map ${map}: replies TEMP to each key that it finds: store ${store} has no value for it; give its ${noun} a value (in SQL, a column "value"), see docs/stores/README.md`;
  const postgresql = (key: string): string =>
    `[store.sql]\ndriver = "postgresql"\nurl = "postgresql:///mail"\ncanary = { tables = { access = "a" } }\n${key}\n`;

  test.for([
    [
      'key = "select action from access where word = :key and list = :table"',
      'table',
      [65, noValue('access', 'sql', 'key')],
    ],
    ['key = "select action as value from access where word = :key"', 'table', [0, RIGHT]],
    ['key = "select * from access where word = :key"', 'table', [0, RIGHT]],
  ] as const)('a query: %s', async ([key, kind, found]) => {
    const config = `${postgresql(key)}[map.access]\nkind = "${kind}"\nstores = ["sql"]\n`;
    expect(await checked([], config)).toEqual(found);
  });

  test('a set of Redis', async () => {
    const redis = '[store.redis]\ndriver = "redis"\nurl = "redis://localhost"\nkey = { set = "t", member = "{key}" }\n';
    const maps = '[map.access]\nkind = "table"\nstores = ["redis"]\n';
    expect(await checked([], redis + maps)).toEqual([65, noValue('access', 'redis', 'key')]);
  });
});

describe('smmap check finds aliases that a map answers like mailboxes', () => {
  const map = (name: string, reply: string): string => `[map.${name}]\naliases = true\nreply = ${reply}\n`;
  const both = [MAILBOXES, ALIASES];
  const astray = (name: string): string =>
    `map ${name}: with aliases = true it replies { text = ... } for aliases too, and sends their mail to mailboxes that do not exist`;

  test('and calls it wrong for a virtusertable', async () => {
    const [code, said] = await checked(both, map('virtuser', '{ text = "%u@%d.virtuser." }'));
    expect([code, said]).toEqual([
      78,
      `${astray('virtuser')}; set aliases = false, and add a map of kind "alias" for them`,
    ]);
  });

  test('and calls it possibly intended for another map', async () => {
    const [code, said] = await checked(both, map('transport', '{ text = "lmtp:unix:/run/lmtp" }'));
    expect(code).toBe(0);
    expect(said).toContain(`${astray('transport')}, unless the mail server asks it only for mailboxes`);
    expect(await checked(both, map('virtuser', '"key"'))).toEqual([0, RIGHT]);
  });
});

test('smmap check names a loop that Postfix defers, and not people who send copies to each other', async () => {
  const copies = 'ann@a.example ann@a.example, bob@a.example\nbob@a.example bob@a.example, ann@a.example\n';
  const way = 'x@a.example y@a.example\ny@a.example x@a.example, fred@a.example\n';
  const maps = '[map.virtual]\nkind = "alias"\n[map.mailbox]\naliases = true\n';
  const ring =
    'aliases form a loop: x@a.example -> y@a.example -> x@a.example; change one of them: smmap alias add --replace';
  expect(await checked([MAILBOXES, [['alias', 'import', '-'], copies]], maps)).toEqual([0, RIGHT]);
  expect(await checked([MAILBOXES, [['alias', 'import', '-'], copies + way]], maps)).toEqual([
    65,
    `map virtual: ${ring}\nmap mailbox: ${ring}`,
  ]);
});

test('smmap check names a mailbox that no map asks for, because its domain is an alias domain', async () => {
  const own = [
    ['mailbox', 'import', '-'],
    'fred@a.example\nfred@b.example\nwilma@b.example\n@c.example folder=news\n',
  ] as const;
  const maps = `[map.mailbox]\nalias_domains = { "B.example" = "a.example", "c.example" = "a.example" }
    [map.virtual]\nalias_domains = { "d.example" = "a.example" }\n`;
  const [code, said] = await checked([own], maps);
  expect(code).toBe(0);
  expect(said.split('\n').slice(1)).toEqual([
    'map mailbox: never finds fred@b.example of store local, because alias_domains has b.example; remove b.example from alias_domains, or move its own mailboxes',
  ]);
});

test('smmap check names a domain that Postfix asks for by the name of another one', async () => {
  const [ess, sigma, folded] = [
    'fa\u00df.example',
    '\u03b2\u03cc\u03bb\u03bf\u03c2.example',
    '\u03b2\u03cc\u03bb\u03bf\u03c3.example',
  ];
  const line = (asked: string, domain: string, remedy: string): string =>
    `map mailbox: Postfix asks for ${asked} instead of ${domain}, because it folds case, and does not find its mailboxes; ${remedy}`;
  const maps = (local: string, alias: string): string => `[map.mailbox]
    default_domain = "${ess}"
    local_domains = ["b\u00fccher.example", "${sigma}"${local}]
    alias_domains = { "stra\u00dfe.example" = "${ess}"${alias} }`;
  const [code, said] = await checked([MAILBOXES], maps('', ''));
  expect(code).toBe(0);
  expect(said.split('\n').slice(1)).toEqual([
    line('fass.example', ess, `add alias_domains = { "fass.example" = "${ess}" }`),
    line(folded, sigma, `add "${folded}" to local_domains`),
    line('strasse.example', 'stra\u00dfe.example', `add alias_domains = { "strasse.example" = "${ess}" }`),
  ]);
  const more = `, "fass.example" = "${ess}", "strasse.example" = "${ess}"`;
  expect(await checked([MAILBOXES], maps(`, "${folded}"`, more))).toEqual([0, RIGHT]);
});
