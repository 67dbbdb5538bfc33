import {
  type Context,
  complain,
  type Mistake,
  oneOf,
  optional,
  parsedBy,
  type Read,
  section,
  text,
  yesOrNo,
  z,
} from '../../../toml/type.ts';
import { STATES } from '../../../vocabulary.ts';
import { forEachQuery, QUERIES, type QueryName, queryNameOf } from '../../asked.ts';
import type { Driver } from '../../driver.ts';
import { serverKeys } from '../../guard/keys.ts';
import { secretFile, secretFiles, secretIn, serversAt, tls, url, urls } from '../../server.ts';
import { advice } from './advice.ts';
import { parseBase, parseFilter } from './filter.ts';
import { NEEDS_CANARY, PRESETS, type PresetName } from './presets.ts';
import type { LdapName, LdapSearch, LdapSearches, LdapState } from './search.ts';
import { parseLdapUrl } from './url.ts';

/** The keys of an LDAP store: its servers, how to bind, and a preset or searches of your own, or both. */

const URL_EXAMPLE = 'ldaps://ldap.example.org';
const base = parsedBy('a distinguished name, such as "ou=people,dc=example,dc=org"', (raw) => {
  const read = parseBase(raw);
  if (typeof read !== 'string') throw new Error(`"${raw}" ${read.flaw}`);
  return read;
});
const state = z.literal(STATES).describe(`one of ${STATES.join(', ')}`);
const attribute = text('the name of an attribute');
const attributes = z.union([attribute, z.array(attribute).min(1)]).describe('attributes, such as ["mail"]');

const search = optional(
  z.strictObject({
    filter: text('a filter, such as "(mail=:address)"'),
    base: base.optional(),
    scope: oneOf(['sub', 'one', 'base'], 'sub'),
    value: attribute.optional(),
    state: z
      .strictObject({
        attribute,
        values: z.record(state).optional().describe('{ disabled = "disabled" }'),
        bit: z.int().min(1).optional().describe('a number that is one bit, such as 2'),
        state: state.optional(),
      })
      .optional()
      .describe('{ attribute = "accountStatus", values = { active = "active" } }'),
    identity: z
      .record(attributes, ['address', 'local', 'domain', 'folder', 'key'])
      .optional()
      .describe('{ address = ["mail", "proxyAddresses=smtp:"] }'),
  }),
).describe('{ filter = "(mail=:address)", identity = { address = "mail" } }');

type WrittenSearch = NonNullable<z.output<typeof search>>;

const keys = section({
  url: urls(parseLdapUrl, URL_EXAMPLE),
  replicas: z
    .array(url(parseLdapUrl, URL_EXAMPLE))
    .default([])
    .describe('URLs of servers that may lag behind, in a list'),
  domain_scope: yesOrNo(false),
  start_tls: yesOrNo(false),
  tls,
  bind_dn: optional(base),
  password_file: secretFile,
  sasl: optional(z.literal(['external']).describe('"external"')),
  base,
  preset: optional(z.string().describe(`one of ${Object.keys(PRESETS).join(', ')}`)),
  ...forEachQuery(search),
  ...serverKeys,
}).transform((raw, context) => {
  const bind = bindOf(raw, context);
  const searches = searchesOf(raw, context);
  return { ...raw, bind, searches };
});

/** The configuration of an LDAP store. */
export type LdapConfig = Read<typeof keys>;

/** The driver for LDAP directories. */
export const ldap: Driver<LdapConfig> = {
  package: 'ldapts',
  keys,
  answers: ({ searches }, question) => searches[queryNameOf(question)] !== undefined,
  // With a wrong search base the directory looks empty.
  canary: ({ preset }) => (preset !== null && NEEDS_CANARY.has(preset) ? 'needed' : 'wise'),
  lacksValue: ({ searches }, question) => searches[queryNameOf(question)]?.value === null,
  secretsInClear: ({ url: own, replicas, bind, startTls }) => ({
    hosts: bind.kind === 'simple' && !startTls ? [...own, ...replicas].map(machineOf) : [],
    remedy: 'ldaps://, or start_tls = true',
  }),
  files: ({ bind }) => secretFiles('password_file', bind.kind === 'simple' ? bind.passwordFile : null),
  advice,
  load: () => import('./driver.ts'),
  async open(config) {
    const { createLdap } = await import('./driver.ts');
    const { url: own, replicas } = config;
    const bind =
      config.bind.kind === 'simple'
        ? { ...config.bind, password: secretIn(config.bind.passwordFile) }
        : { kind: config.bind.kind };
    const servers = serversAt([...own, ...replicas], (each) =>
      createLdap({ ...config, url: each, bind, certain: !replicas.includes(each), canaries: config.canary }),
    );
    return { servers, guards: config, proves: true };
  },
};

function machineOf(own: string): string {
  const read = parseLdapUrl(own);
  return 'flaw' in read || read.secure || read.path !== null ? '' : read.host;
}

interface BindKeys {
  readonly bindDn: string | null;
  readonly passwordFile: string | null;
  readonly sasl: 'external' | null;
}

type Bind =
  | { readonly kind: 'anonymous' | 'external' }
  | { readonly kind: 'simple'; readonly dn: string; readonly passwordFile: string };

/** How to bind. A name without a password is a mistake: the server would bind anonymously (RFC 4513, section 5.1.2). */
function bindOf({ bindDn: dn, passwordFile: file, sasl }: BindKeys, context: Context): Bind {
  if (sasl !== null) {
    const reason = 'cannot be used with sasl';
    const remedy = (key: string): string => `remove ${key} or sasl`;
    if (dn !== null) complain(context, [{ key: 'bind_dn', reason, remedy: remedy('bind_dn') }]);
    if (file !== null) complain(context, [{ key: 'password_file', reason, remedy: remedy('password_file') }]);
    return { kind: 'external' };
  }
  if (dn !== null && file !== null) return { kind: 'simple', dn, passwordFile: file };
  if (dn !== null) {
    const remedy = 'give the path of a file with the password of bind_dn';
    complain(context, [{ key: 'password_file', reason: 'is missing', remedy }]);
  } else if (file !== null) {
    complain(context, [
      { key: 'bind_dn', reason: 'is missing', remedy: 'give the name of the account that has this password' },
    ]);
  }
  return { kind: 'anonymous' };
}

type SearchKeys = { readonly preset: string | null } & { readonly [name in QueryName]: WrittenSearch | null };

function searchesOf(raw: SearchKeys, context: Context): LdapSearches {
  const mistakes: Mistake[] = [];
  const known = raw.preset !== null && Object.hasOwn(PRESETS, raw.preset);
  const preset: LdapSearches = known ? PRESETS[raw.preset as PresetName] : {};
  if (raw.preset !== null && !known) {
    const remedy = `give one of ${Object.keys(PRESETS).join(', ')}, or searches of your own`;
    mistakes.push({ key: 'preset', reason: `is "${raw.preset}", which is not known`, remedy });
  }
  const own = QUERIES.flatMap((name) => {
    const written = raw[name];
    if (written === null) return [];
    const read = readSearch(name, written);
    if (!('reason' in read)) return [[name, read] as const];
    mistakes.push(read);
    return [];
  });
  const searches = { ...preset, ...Object.fromEntries(own) };
  if (mistakes.length === 0 && Object.keys(searches).length === 0) {
    const remedy = `give preset, or at least one of ${QUERIES.join(', ')}`;
    mistakes.push({ key: '', reason: 'has neither a preset nor a search', remedy });
  }
  complain(context, mistakes);
  return searches;
}

function readSearch(name: QueryName, written: WrittenSearch): LdapSearch | Mistake {
  const filter = parseFilter(name, written.filter);
  if ('flaw' in filter) {
    const remedy = 'give a filter with parameters, such as "(mail=:address)"';
    return { key: `${name}.filter`, reason: filter.flaw, remedy };
  }
  const stateRead = readState(written.state);
  if (stateRead === undefined) {
    const reason = 'does not say what the values of the attribute mean';
    return { key: `${name}.state`, reason, remedy: 'give either values, or bit and state' };
  }
  const { base: from = null, scope, value: valueAttribute = null, identity } = written;
  return { base: from, scope, filter, value: valueAttribute, state: stateRead, identity: readIdentity(identity) };
}

/** Reads the key `state` of a search. Undefined if it cannot be read. */
function readState(written: WrittenSearch['state']): LdapState | null | undefined {
  if (written === undefined) return null;
  const { attribute: name, values, bit, state: meant } = written;
  if (values !== undefined && bit === undefined) return { attribute: name, values };
  if (values === undefined && bit !== undefined && meant !== undefined) return { attribute: name, bit, state: meant };
  return undefined;
}

/** Reads the key `identity`: `attribute`, or `attribute=prefix` if values without the prefix name something else. */
function readIdentity(written: WrittenSearch['identity']): readonly LdapName[] | null {
  if (written === undefined) return null;
  return Object.entries(written).flatMap(([column, names]) =>
    [names].flat().map((each) => {
      const [, name = each, prefix = null] = /^([^=]*)=(.*)$/.exec(each) ?? [];
      return { column: column as LdapName['column'], attribute: name, prefix };
    }),
  );
}
