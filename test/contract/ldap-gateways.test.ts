import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { UNTOLD } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { openStore, parseConfig } from '../support/config.ts';
import { temporaryFolders } from '../support/folder.ts';
import { type Asked, type Found, type Gateway, type Reply, type Search, startGateway } from '../support/gateway.ts';

const places = { socket: '/run/smmap/smmap.sock', store: '/var/lib/smmap' };
const folder = temporaryFolders();
const opened: (Store | Gateway)[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).toReversed()) await ('close' in each ? each.close() : each.stop());
});

const SUFFIX = 'dc=example,dc=org';
const PEOPLE = `ou=people,${SUFFIX}`;
const OWN = `uid=smmap,${PEOPLE}`;

/** The people of each gateway; `smmap` is the account of the store itself. */
const STORED = ['Fred@example.org', 'ann@example.org', 'canary@example.org', 'zoe@example.org'];
const person = (mail: string): Found => ({
  dn: `uid=${mail.split('@')[0]?.toLowerCase()},${PEOPLE}`,
  attributes: { mail },
});
const OWN_PERSON: Found = { dn: OWN, attributes: { mail: 'smmap@example.org' } };

/** A store of the configuration, with a gateway that answers so. */
async function openWith(preset: string, answer: (search: Search) => Reply, more: Record<string, string> = {}) {
  const gateway = await startGateway(answer);
  const passwordFile = join(folder(), 'password');
  writeFileSync(passwordFile, 'secret');
  const { base = PEOPLE, canary = 'canary@example.org', ...others } = more;
  const lines = Object.entries(others).map(([key, value]) => `${key} = ${value}\n`);
  const text = `[store.s]
driver = "ldap"
url = "${gateway.url}"
bind_dn = "${OWN}"
password_file = "${passwordFile}"
base = "${base}"
preset = "${preset}"
canary = { mailbox = ${canary.startsWith('[') ? canary : `"${canary}"`} }
${lines.join('')}
[map.mailbox]
detail = { policy = "ignore" }
`;
  const config = parseConfig(text, 'smmap.toml', places).stores.get('s');
  if (config === undefined) throw new Error('no store');
  const store = await openStore(config, UNTOLD);
  opened.push(gateway, store);
  return async (local: string): Promise<string> => {
    const question = {
      about: 'mailbox',
      local,
      domain: 'example.org',
      exact: false,
      folder: null,
      anyCase: false,
    } as const;
    try {
      return (await store.lookup(question))?.state ?? 'absent';
    } catch (error) {
      return (error as Error).message;
    }
  };
}

/** The people whom a filter finds, if equality compares as `same` does. */
function matching(people: readonly Found[], filter: Asked, same: (stored: string, asked: string) => boolean): Found[] {
  const matches = (each: Asked, found: Found): boolean => {
    if ('filters' in each) {
      const results = each.filters.map((one) => matches(one, found));
      return each.kind === 'and' ? results.every(Boolean) : results.some(Boolean);
    }
    if (each.attribute.toLowerCase() === 'class') return each.value === 'account';
    const stored = found.attributes[each.attribute] ?? '';
    if (each.kind === 'equal') return same(stored, each.value);
    return stored.toLowerCase().startsWith(each.value.toLowerCase());
  };
  return people.filter((each) => matches(filter, each));
}

const EXACT = (a: string, b: string): boolean => a === b;
const FOLDED = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();
const ALL = [...STORED.map(person), OWN_PERSON];
const attributesOf = (filter: Asked): readonly string[] =>
  'filters' in filter ? filter.filters.flatMap(attributesOf) : [filter.attribute];

/** lldap: refuses an attribute that is a list, and finds nothing below another base. */
function lldap({ base, filter }: Search): Reply {
  if (attributesOf(filter).some((each) => each !== 'mail')) return 53;
  return base.toLowerCase() === PEOPLE ? matching(ALL, filter, FOLDED) : [];
}

/** kanidm: an equality is exact, and an unknown attribute is an error. */
function kanidm({ filter }: Search): Reply {
  if (attributesOf(filter).some((each) => !['mail', 'class'].includes(each))) return 21;
  return matching(ALL, filter, EXACT);
}

/** The outpost of authentik in its direct mode: the API compares exactly, and everybody comes for an `|`. */
function authentik({ filter }: Search): Reply {
  return filter.kind === 'or' ? ALL : matching(ALL, filter, EXACT);
}

describe('a gateway that speaks LDAP', () => {
  it.each([
    ['lldap', lldap],
    ['kanidm', kanidm],
    ['authentik', authentik],
    ['freeipa', (search: Search) => matching(ALL, search.filter, FOLDED)],
  ])('%s: finds who is there, and nobody else', async (preset, answer) => {
    const ask = await openWith(preset, answer);
    expect([await ask('ann'), await ask('nobody'), await ask('an')]).toEqual(['active', 'absent', 'absent']);
  });

  it.each([
    ['lldap', lldap, 'active'],
    ['kanidm', kanidm, 'active'],
  ])('%s: finds an address that is stored in another case', async (preset, answer, expected) => {
    expect(await (await openWith(preset, answer))('fred')).toBe(expected);
  });

  it('authentik: a canary in capitals shows that its database compares exactly', async () => {
    const ask = await openWith('authentik', authentik, { canary: '["canary@example.org", "Fred@example.org"]' });
    expect(await ask('nobody')).toBe('the canary fred@example.org is not found');
  });

  it.each<[string, string, (search: Search) => Reply, Record<string, string>]>([
    ['lldap', 'the base is wrong', lldap, { base: `ou=persons,${SUFFIX}` }],
    ['lldap', 'the account sees only itself', () => [], {}],
    ['kanidm', 'the account may not search by mail', () => [], {}],
    ['authentik', 'its list was cut by a failed refresh', (s) => matching(ALL.slice(0, 2), s.filter, FOLDED), {}],
    ['freeipa', 'the account is anonymous to it', () => [], {}],
  ])('%s: nobody is absent when %s', async (preset, _, answer, more) => {
    const ask = await openWith(preset, answer, more);
    expect(await ask('nobody')).toBe('the canary canary@example.org is not found');
    expect(await ask('zoe')).not.toBe('absent');
  });

  it('nobody is absent while one of two servers behind an address has lost its data', async () => {
    const ask = await openWith('lldap', (search) => (search.connection % 2 === 0 ? lldap(search) : []), {
      connections: '2',
      batch: '1',
    });
    const answers = await Promise.all(Array.from({ length: 40 }, () => ask('ann')));
    expect(new Set(answers)).toEqual(new Set(['active', 'the canary canary@example.org is not found']));
  });

  it('nobody is absent if the server recovers between the absence and the canary', async () => {
    let asked = 0;
    const ask = await openWith('lldap', (search) => {
      if (!JSON.stringify(search.filter).includes('ann@')) return lldap(search);
      return asked++ === 0 ? [] : lldap(search);
    });
    expect(await ask('ann')).toBe('active');
    expect(asked).toBe(2);
  });

  it.each(['lldap', 'authentik'])('%s: its own account is no canary, because it always sees itself', async (preset) => {
    const answer = ({ filter }: Search): Reply => matching([OWN_PERSON], filter, FOLDED);
    const ask = await openWith(preset, answer, { canary: 'smmap@example.org' });
    expect(await ask('ann')).toContain('the canary is the account of smmap itself');
  });

  it.each([
    ['lldap', lldap, 'unwillingToPerform (53)'],
    ['kanidm', kanidm, 'invalidAttributeSyntax (21)'],
  ])('%s: a filter that it refuses fails by itself, and its store goes on', async (preset, answer, text) => {
    const alias = '{ filter = "(mailAlternateAddress=:address)", value = "mail" }';
    const gateway = await startGateway(answer);
    opened.push(gateway);
    const config = parseConfig(
      `[store.s]\ndriver = "ldap"\nurl = "${gateway.url}"\nbase = "${PEOPLE}"\npreset = "${preset}"\nalias = ${alias}\n` +
        'canary = { mailbox = "canary@example.org", alias = "canary@example.org" }\n[map.mailbox]\ndetail = { policy = "ignore" }',
      'smmap.toml',
      places,
    ).stores.get('s');
    if (config === undefined) throw new Error('no store');
    const store = await openStore(config, UNTOLD);
    opened.push(store);
    const whose = { local: 'ann', domain: 'example.org', exact: false };
    for (let times = 0; times < 5; times++) {
      await expect(Promise.resolve(store.lookup({ about: 'alias', ...whose }))).rejects.toThrow(text);
    }
    expect(await store.lookup({ about: 'mailbox', ...whose, folder: null, anyCase: false })).not.toBeNull();
  });

  it.each(['lldap', 'kanidm', 'freeipa', 'authentik'])('%s: needs a canary', (preset) => {
    const text = `[store.s]\ndriver = "ldap"\nurl = "ldap://x"\nbase = "${PEOPLE}"\npreset = "${preset}"\n[map.mailbox]\ndetail = { policy = "ignore" }`;
    expect(() => parseConfig(text, 'smmap.toml', places)).toThrow('store.s.canary: is missing for mailboxes');
  });
});
