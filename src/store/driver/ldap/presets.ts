import type { QueryName } from '../../asked.ts';
import { type Filter, parseFilter } from './filter.ts';
import type { LdapName, LdapSearch, LdapSearches } from './search.ts';

const IREDMAIL_DELIVERS = '(!(domainStatus=disabled))(enabledService=mail)(enabledService=deliver)';

/**
 * Searches for common layouts of directories.
 *
 * `mail`: inetOrgPerson, with the additional addresses and the accountStatus of qmail.
 * `inetLocalMailRecipient`: the LDAP routing of Sendmail. It has no search for domains: in misc.schema,
 * mailLocalAddress has no substring matching, so slapd would find nothing.
 * `active-directory`: a disabled account is a disabled mailbox.
 * `exchange`: the same, but disabled accounts receive mail. The accounts of shared mailboxes and of rooms are always
 * disabled.
 * `lldap`: only its primary address can be searched by. An equality on its list attributes is refused.
 * `kanidm`: an equality on mail is exact there, but the beginning of a value is compared in any case.
 * `freeipa`: also for 389 Directory Server. A locked account has nsAccountLock.
 * `authentik`: a filter with `|` would make it read all users for each search.
 * `iredmail`: an account of accountStatus disabled is a disabled mailbox; the members of a group are its targets.
 * `kolab`: users, groups and shared folders; its domains are in a tree of their own.
 * `zimbra`: also for Carbonio. Its search base is empty.
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
  lldap: {
    mailbox: { ...search('mailbox', '(mail=:address)'), identity: addresses('mail') },
  },
  kanidm: {
    mailbox: { ...search('mailbox', '(&(class=account)(mail=:address*))'), identity: addresses('mail') },
  },
  freeipa: {
    mailbox: {
      ...search('mailbox', '(mail=:address)'),
      identity: addresses('mail'),
      state: { attribute: 'nsAccountLock', values: { true: 'disabled', false: 'active' } },
    },
  },
  authentik: {
    mailbox: {
      ...search('mailbox', '(mail=:address)'),
      identity: addresses('mail'),
      state: { attribute: 'ak-active', values: { true: 'active', false: 'disabled' } },
    },
  },
  iredmail: {
    mailbox: {
      ...search(
        'mailbox',
        '(&(|(objectClass=mailUser)(&(objectClass=mailList)(enabledService=mlmmj)))' +
          `(|(mail=:address)(shadowAddress=:address))${IREDMAIL_DELIVERS})`,
      ),
      identity: addresses('mail', 'shadowAddress'),
      state: { attribute: 'accountStatus', values: { active: 'active', disabled: 'disabled' } },
    },
    alias: {
      ...search('alias', `(&(memberOfGroup=:address)(accountStatus=active)${IREDMAIL_DELIVERS})`),
      identity: addresses('memberOfGroup'),
      value: 'mail',
    },
    domain: {
      ...search(
        'domain',
        '(&(objectClass=mailDomain)(accountStatus=active)(enabledService=mail)' +
          '(|(domainName=:domain)(&(enabledService=domainalias)(domainAliasName=:domain))))',
      ),
      scope: 'one',
      identity: domains('domainName', 'domainAliasName'),
    },
  },
  kolab: {
    mailbox: {
      ...search(
        'mailbox',
        '(&(|(mail=:address)(alias=:address))(|(objectClass=kolabInetOrgPerson)' +
          '(objectClass=kolabGroupOfUniqueNames)(objectClass=kolabGroupOfURLs)(objectClass=kolabSharedFolder)))',
      ),
      identity: addresses('mail', 'alias'),
    },
    domain: {
      ...search('domain', '(associatedDomain=:domain)'),
      base: 'cn=kolab,cn=config',
      identity: domains('associatedDomain'),
    },
  },
  zimbra: {
    mailbox: {
      ...search(
        'mailbox',
        '(|(zimbraMailDeliveryAddress=:address)(zimbraMailAlias=:address)(zimbraOldMailAddress=:address))',
      ),
      identity: addresses('zimbraMailDeliveryAddress', 'zimbraMailAlias', 'zimbraOldMailAddress'),
      state: { attribute: 'zimbraMailStatus', values: { enabled: 'active', disabled: 'disabled' } },
    },
    alias: {
      ...search('alias', '(&(zimbraMailCatchAllAddress=:address)(zimbraMailStatus=enabled))'),
      identity: addresses('zimbraMailCatchAllAddress'),
      value: 'zimbraMailDeliveryAddress',
    },
    domain: {
      ...search('domain', '(&(zimbraDomainName=:domain)(zimbraMailStatus=enabled))'),
      identity: domains('zimbraDomainName'),
    },
  },
} as const satisfies Readonly<Record<string, LdapSearches>>;
/** The name of a preset in the configuration. */
export type PresetName = keyof typeof PRESETS;

/**
 * Presets of servers that say success without entries if their own source fails, if the base is wrong, or if the account
 * lacks a right.
 */
export const NEEDS_CANARY: ReadonlySet<string> = new Set<PresetName>(['lldap', 'kanidm', 'freeipa', 'authentik']);

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

function domains(...attributes: readonly string[]): readonly LdapName[] {
  return attributes.map((attribute) => ({ column: 'domain', attribute, prefix: null }));
}

function filterOf(name: QueryName, text: string): Filter {
  const filter = parseFilter(name, text);
  if ('flaw' in filter) throw new Error(`${text} ${filter.flaw}`);
  return filter;
}
