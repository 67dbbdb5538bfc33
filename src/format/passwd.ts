import { CONTROL, type Flaw, formatLocal, parseAddress } from '../address/address.ts';
import { LONGEST_NAME } from '../address/written.ts';
import type { Mailbox } from '../record/mailbox.ts';
import { flawOf } from '../record/owner.ts';
import { readOwner } from './owner.ts';

const NUMBER = /^\d+$/;

/**
 * Reads a line of passwd(5), or of Dovecot's passwd-file, which may end behind any field; null for a blank line and a
 * comment. The value of the mailbox is `uid:gid:home`, or "" where Dovecot's line lacks one of them or has it by name.
 * No Flaw quotes more of a line than a name that is one: where a field is missing, the password may stand anywhere.
 */
export function parsePasswdLine(
  line: string,
  defaultDomain: string | null,
  of: 'passwd' | 'dovecot',
): Mailbox | Flaw | null {
  if (line.trim() === '' || line.startsWith('#')) return null;
  if (of === 'passwd' && /^[+-]/.test(line)) {
    return { flaw: 'is a line for NIS, behind which are other users; import what getent(1) prints for passwd' };
  }
  const [user = '', , uid = '', gid = '', , home = '', ...rest] = line.split(':');
  if (!isUser(user)) return { flaw: 'the user before its first colon: cannot stand in an address as it is' };
  const owner = readOwner(user, defaultDomain);
  if ('flaw' in owner) return owner;
  if (CONTROL.test(home)) return flawOf(owner, 'has a control character in its home');
  const complete = NUMBER.test(uid) && NUMBER.test(gid) && home.startsWith('/');
  if (of === 'passwd') {
    const fields = line.split(':').length;
    if (rest.length !== 1) return flawOf(owner, `has ${fields} fields, where passwd(5) has 7`);
    if (!complete) return flawOf(owner, 'has no uid, gid and home where passwd(5) has them');
  }
  return {
    about: 'mailbox',
    ...owner,
    state: 'active',
    value: complete ? `${uid}:${gid}:${home}` : '',
    folders: [],
  };
}

/** Whether it is an address, or a local part, that needs no quotes and has none; some files have a | where these have a colon. */
function isUser(text: string): boolean {
  if (text.length > LONGEST_NAME || text.includes('|')) return false;
  const address = text.startsWith('"') ? null : parseAddress(text);
  return address !== null && !('flaw' in address) && formatLocal(address.local) === address.local;
}
