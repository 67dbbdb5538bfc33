import { parseBase, parseFilter } from './filter.ts';
import { parseLdapUrl } from './connection.ts';
import { PRESETS, type PresetName } from './presets.ts';
import type { LdapName, LdapSearch, LdapState } from './search.ts';
import { QUERIES, type QueryName } from '../../asked.ts';
import { STATES } from '../../../vocabulary.ts';
import type { LdapConfig, StoreConfig } from '../../../config/config.ts';
import { type Context, complain, oneOf, parsedBy, text, yesOrNo, z, type Mistake } from '../../../toml/type.ts';
import * as value from '../../../toml/value.ts';
import { guardsOf, passwordFile, serverKeys, tls, urls } from '../../guard/keys.ts';

/** Directories: where they are, who asks, and a preset or searches of the administrator's, or both. */

const URL_EXAMPLE = 'ldaps://ldap.example.org';
const url = parsedBy(`a URL, such as "${URL_EXAMPLE}"`, (raw) => value.url(raw, parseLdapUrl));
const base = parsedBy('a distinguished name, such as "ou=people,dc=example,dc=org"', (raw) => {
  const read = parseBase(raw);
  if (typeof read !== 'string') throw new Error(`"${raw}" ${read.flaw}`);
  return read;
});
const state = z.enum(STATES).describe(`one of ${STATES.join(', ')}`);
const attribute = text('the name of an attribute');
const attributes = z.union([attribute, z.array(attribute).min(1)]).describe('attributes, such as ["mail"]');

const search = z
  .strictObject({
    filter: text('a filter, such as "(mail=:address)"'),
    base: base.optional(),
    scope: oneOf(['sub', 'one', 'base'], 'sub'),
    value: attribute.optional(),
    state: z
      .strictObject({
        attribute,
        values: z.record(z.string(), state).optional().describe('{ disabled = "disabled" }'),
        bit: z.int().min(1).optional().describe('a number that is one bit, such as 2'),
        state: state.optional(),
      })
      .optional()
      .describe('{ attribute = "accountStatus", values = { active = "active" } }'),
    identity: z
      .partialRecord(z.enum(['address', 'local', 'domain', 'folder', 'key']), attributes)
      .optional()
      .describe('{ address = ["mail", "proxyAddresses=smtp:"] }'),
  })
  .optional()
  .describe('{ filter = "(mail=:address)", identity = { address = "mail" } }');

type WrittenSearch = NonNullable<z.infer<typeof search>>;

export const ldap = z
  .strictObject({
    driver: z.string(),
    url: urls(parseLdapUrl, URL_EXAMPLE),
    replicas: z.array(url).default([]).describe('URLs of servers that may lag behind, in a list'),
    start_tls: yesOrNo(false),
    tls,
    bind_dn: base.optional(),
    password_file: passwordFile,
    sasl: z.enum(['external']).optional().describe('"external"'),
    base,
    preset: z
      .string()
      .optional()
      .describe(`one of ${Object.keys(PRESETS).join(', ')}`),
    ...(Object.fromEntries(QUERIES.map((name) => [name, search])) as Record<QueryName, typeof search>),
    ...serverKeys,
  })
  .transform((raw, context): StoreConfig => ({
    driver: 'ldap',
    urls: raw.url,
    replicas: raw.replicas,
    startTls: raw.start_tls,
    tls: raw.tls ?? null,
    bind: bindOf(raw, context),
    base: raw.base,
    searches: searchesOf(raw, context),
    guards: guardsOf(raw, 'nothing', context),
  }));

interface BindKeys {
  readonly bind_dn?: string | undefined;
  readonly password_file?: string | undefined;
  readonly sasl?: 'external' | undefined;
}

/** A name without a password would be taken for nobody (RFC 4513, section 5.1.2). */
function bindOf({ bind_dn: dn, password_file: file, sasl }: BindKeys, context: Context): LdapConfig['bind'] {
  if (sasl !== undefined) {
    const reason = 'does not go with sasl';
    if (dn !== undefined) complain(context, [{ key: 'bind_dn', reason, remedy: 'remove it, or sasl' }]);
    return { kind: 'external' };
  }
  if (dn !== undefined && file !== undefined) return { kind: 'simple', dn, passwordFile: file };
  if (dn !== undefined) {
    const remedy = 'give the file that has the password of bind_dn';
    complain(context, [{ key: 'password_file', reason: 'is missing', remedy }]);
  } else if (file !== undefined) {
    complain(context, [{ key: 'bind_dn', reason: 'is missing', remedy: 'give the name whose password that is' }]);
  }
  return { kind: 'anonymous' };
}

type SearchKeys = { readonly preset?: string | undefined } & {
  readonly [name in QueryName]?: WrittenSearch | undefined;
};

function searchesOf(raw: SearchKeys, context: Context): LdapConfig['searches'] {
  const mistakes: Mistake[] = [];
  const known = raw.preset !== undefined && Object.hasOwn(PRESETS, raw.preset);
  const preset: LdapConfig['searches'] = known ? PRESETS[raw.preset as PresetName] : {};
  if (raw.preset !== undefined && !known) {
    const remedy = `give one of ${Object.keys(PRESETS).join(', ')}, or searches of your own`;
    mistakes.push({ key: 'preset', reason: `is "${raw.preset}"`, remedy });
  }
  const own = QUERIES.flatMap((name) => {
    const written = raw[name];
    if (written === undefined) return [];
    const read = readSearch(name, written);
    if (!('reason' in read)) return [[name, read] as const];
    mistakes.push(read);
    return [];
  });
  const searches = { ...preset, ...Object.fromEntries(own) };
  if (mistakes.length === 0 && Object.keys(searches).length === 0) {
    const remedy = `give it a preset, or one of ${QUERIES.join(', ')}`;
    mistakes.push({ key: '', reason: 'has nothing to search for', remedy });
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
    const reason = 'tells no state';
    return { key: `${name}.state`, reason, remedy: 'give values, or a bit and the state that it means' };
  }
  const { base: from = null, scope, value: valueAttribute = null, identity } = written;
  return { base: from, scope, filter, value: valueAttribute, state: stateRead, identity: readIdentity(identity) };
}

/** Undefined where it cannot be read. */
function readState(written: WrittenSearch['state']): LdapState | null | undefined {
  if (written === undefined) return null;
  const { attribute: name, values, bit, state: meant } = written;
  if (values !== undefined && bit === undefined) return { attribute: name, values };
  if (values === undefined && bit !== undefined && meant !== undefined) return { attribute: name, bit, state: meant };
  return undefined;
}

/** `attribute`, or `attribute=prefix` where values without that prefix name something else. */
function readIdentity(written: WrittenSearch['identity']): readonly LdapName[] | null {
  if (written === undefined) return null;
  return Object.entries(written).flatMap(([column, names]) =>
    [names].flat().map((each) => {
      const [, name = each, prefix = null] = /^([^=]*)=(.*)$/.exec(each) ?? [];
      return { column: column as LdapName['column'], attribute: name, prefix };
    }),
  );
}
