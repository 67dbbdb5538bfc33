import type { QueryName } from '../../asked.ts';
import { type Filter, parseFilter } from './filter.ts';
import type { LdapName, LdapSearch, LdapSearches } from './search.ts';

/**
 * Searches for directories as they are commonly laid out.
 *
 * `mail`: inetOrgPerson, and qmail's further addresses and accountStatus.
 * `inetLocalMailRecipient`: Sendmail's LDAP routing. It has no search for domains, since misc.schema gives mailLocalAddress no
 * matching of substrings, and slapd would find none.
 * `active-directory`: an account that is disabled is a disabled mailbox.
 * `exchange`: the same, but disabled accounts receive, since those of shared mailboxes and of rooms are disabled by design.
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
export type PresetName = keyof typeof PRESETS;

function search(name: QueryName, filter: string): LdapSearch {
  return { base: null, scope: 'sub', filter: filterOf(name, filter), value: null, state: null, identity: null };
}

function proxyAddresses(): LdapSearch {
  return {
    ...search('mailbox', '(|(proxyAddresses=smtp::address)(mail=:address))'),
    identity: [...addresses('mail'), { column: 'address', attribute: 'proxyAddresses', prefix: 'smtp:' }],
    // A search from the root of a domain is told that these are elsewhere, each time (Microsoft's KB 2561166).
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
