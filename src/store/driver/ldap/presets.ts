import type { QueryName } from '../../asked.ts';
import { type Filter, parseFilter } from './filter.ts';
import type { LdapName, LdapSearch, LdapSearches } from './search.ts';

/**
 * Searches for common layouts of directories.
 *
 * `mail`: inetOrgPerson, with the additional addresses and the accountStatus of qmail.
 * `inetLocalMailRecipient`: the LDAP routing of Sendmail. It has no search for domains: in misc.schema,
 * mailLocalAddress has no substring matching, so slapd would find nothing.
 * `active-directory`: a disabled account is a disabled mailbox.
 * `exchange`: the same, but disabled accounts receive mail. The accounts of shared mailboxes and of rooms are always
 * disabled.
 */
export const PRESETS = {
  mail: {
    mailbox: {
      ...search('mailbox', '(|(mail=:address)(mailAlternateAddress=:address))'),
      identity: addresses('mail', 'mailAlternateAddress'),
      state: {
        attribute: 'accountStatus',
        values: { active: 'active', noaccess: 'active', disabled: 'disabled', deleted: 'disabled' },
      },
    },
    alias: {
      ...search('alias', '(&(mailAlternateAddress=:address)(mail=*)(!(mail=:address)))'),
      identity: addresses('mailAlternateAddress'),
      value: 'mail',
    },
    domain: search('domain', '(|(mail=*@:domain)(mailAlternateAddress=*@:domain))'),
  },
  inetLocalMailRecipient: {
    mailbox: {
      ...search('mailbox', '(mailLocalAddress=:address)'),
      identity: addresses('mailLocalAddress'),
    },
    alias: {
      ...search('alias', '(&(mailLocalAddress=:address)(mailRoutingAddress=*)(!(mailRoutingAddress=:address)))'),
      identity: addresses('mailLocalAddress'),
      value: 'mailRoutingAddress',
    },
  },
  'active-directory': {
    mailbox: { ...proxyAddresses(), state: { attribute: 'userAccountControl', bit: 2, state: 'disabled' } },
  },
  exchange: {
    mailbox: proxyAddresses(),
  },
} as const satisfies Readonly<Record<string, LdapSearches>>;
/** The name of a preset in the configuration. */
export type PresetName = keyof typeof PRESETS;

function search(name: QueryName, filter: string): LdapSearch {
  return { base: null, scope: 'sub', filter: filterOf(name, filter), value: null, state: null, identity: null };
}

function proxyAddresses(): LdapSearch {
  return {
    ...search('mailbox', '(|(proxyAddresses=smtp::address)(mail=:address))'),
    identity: [...addresses('mail'), { column: 'address', attribute: 'proxyAddresses', prefix: 'smtp:' }],
    // Each search from the root of a domain gets referrals to these parts (Microsoft's KB 2561166).
    empty: ['dc=domaindnszones', 'dc=forestdnszones', 'cn=configuration'],
  };
}

function addresses(...attributes: readonly string[]): readonly LdapName[] {
  return attributes.map((attribute) => ({ column: 'address', attribute, prefix: null }));
}

function filterOf(name: QueryName, text: string): Filter {
  const filter = parseFilter(name, text);
  if ('flaw' in filter) throw new Error(`${text} ${filter.flaw}`);
  return filter;
}
