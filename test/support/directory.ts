import type { StoredRecord } from '../../src/record/record.ts';
import type { QueryName } from '../../src/store/asked.ts';
import { parseFilter } from '../../src/store/driver/ldap/filter.ts';
import type { LdapName, LdapSearch, LdapSearches } from '../../src/store/driver/ldap/search.ts';
import { STATES } from '../../src/vocabulary.ts';
import type { Attributes } from './slapd.ts';

/** Searches in the schema of support/slapd.ts for all that a store can be asked. */
export function searchesBelow(): LdapSearches {
  const state = { attribute: 'smmapState', values: Object.fromEntries(STATES.map((each) => [each, each])) };
  const named = (column: LdapName['column'], attribute: string): LdapName => ({ column, attribute, prefix: null });
  const address = named('address', 'smmapAddress');
  return {
    mailbox: search('mailbox', '(&(cn=mailbox*)(smmapAddress=:address))', 'smmapValue', [address], state),
    folder: search(
      'folder',
      '(&(cn=mailbox*)(smmapAddress=:address)(smmapFolder=*))',
      'smmapValue',
      [address, named('folder', 'smmapFolder')],
      state,
    ),
    alias: search('alias', '(&(cn=alias*)(smmapAddress=:address))', 'smmapTarget', [address]),
    domain: search('domain', '(smmapDomain=:domain)', 'smmapClass', [named('domain', 'smmapDomain')]),
    key: search('key', '(&(smmapTable=:table)(smmapKey=:key))', 'smmapValue', [named('key', 'smmapKey')]),
  };
}

function search(
  name: QueryName,
  text: string,
  value: string,
  identity: readonly LdapName[],
  state: LdapSearch['state'] = null,
): LdapSearch {
  const filter = parseFilter(name, text);
  if ('flaw' in filter) throw new Error(`${text} ${filter.flaw}`);
  return { base: null, scope: 'sub', filter, value, state, identity };
}

/** Adds records as entries below a new entry of their own. */
export function entriesOf(
  parent: string,
  records: readonly StoredRecord[],
): readonly (readonly [string, Attributes])[] {
  const classes = new Map<string, string>();
  for (const record of records) if (record.about === 'domain') classes.set(record.domain, record.class);
  for (const record of records) {
    if (record.about === 'mailbox' && classes.get(record.domain) !== 'relay') classes.set(record.domain, 'mailbox');
  }
  const things = records.flatMap((record): readonly (readonly [string, Attributes])[] => {
    switch (record.about) {
      case 'mailbox': {
        const { local, domain, state, value, folders } = record;
        const smmapValue = value === '' ? [] : [value];
        return [
          ['mailbox', { smmapAddress: `${local}@${domain}`, smmapState: state, smmapValue, smmapFolder: folders }],
        ];
      }
      case 'alias':
        return [['alias', { smmapAddress: `${record.local}@${record.domain}`, smmapTarget: record.targets }]];
      case 'key':
        return [['entry', { smmapTable: record.table, smmapKey: record.key, smmapValue: record.value }]];
      case 'domain':
        return [];
    }
  });
  const domains = [...classes].map(([smmapDomain, smmapClass]) => ['domain', { smmapDomain, smmapClass }] as const);
  return [
    [parent, { objectClass: 'organizationalUnit' }],
    ...[...things, ...domains].map(
      ([kind, attributes], at) =>
        [`cn=${kind}${at},${parent}`, { objectClass: ['device', 'smmapThing'], ...attributes }] as const,
    ),
  ];
}
