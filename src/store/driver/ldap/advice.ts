import type { Advice, Failure } from '../../driver.ts';
import type { LdapConfig } from './keys.ts';

/** What to do about a result code of LDAP. OpenLDAP says noSuchObject of an entry that the account may not see. */
export function advice({ base, bind }: LdapConfig, { code, message }: Failure): Advice | null {
  const [, result = code] = /\((\d+)\)/.exec(message) ?? [];
  switch (result) {
    case '49':
    case '48':
      if (bind.kind !== 'simple') return null;
      return {
        remedy: `correct bind_dn, or the password in ${bind.passwordFile}; or change it in the directory`,
        commands: [`ldappasswd -x -D 'cn=admin,...' -W -S '${bind.dn}'`],
      };
    case '32':
    case '50':
    case 'canary': {
      const who = bind.kind === 'simple' ? `dn.exact="${bind.dn}"` : bind.kind === 'external' ? 'users' : 'anonymous';
      return {
        remedy: 'check base, and let the account read below it. In OpenLDAP',
        commands: [`olcAccess: to dn.subtree="${base}" by ${who} read by * break`],
      };
    }
    default:
      return null;
  }
}
