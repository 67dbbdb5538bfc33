import { CONTROL, type Flaw, formatLocal, parseAddress } from '../address/address.ts';
import { LONGEST_NAME } from '../address/written.ts';
import type { Mailbox } from '../record/mailbox.ts';
import { flawOf } from '../record/owner.ts';
import { readOwner } from './owner.ts';

const NUMBER = /^\d+$/;

/**
 * Reads a line of passwd(5), or of a passwd-file of Dovecot, which may end after any field. Null for a blank line or a comment.
 * The value of the mailbox is `uid:gid:home`, or "" if a line of Dovecot lacks one of them or has a name instead of a number. A
 * Flaw quotes only a valid user name: if a field is missing, the password may be anywhere in the line.
 */
export function parsePasswdLine(
  line: string,
  defaultDomain: string | null,
  of: 'passwd' | 'dovecot',
): Mailbox | Flaw | null {
  if (line.trim() === '' || line.startsWith('#')) return null;
  if (of === 'passwd' && /^[+-]/.test(line)) {
    return { flaw: 'is a line for NIS, which has other users; import the output of getent(1) passwd instead' };
  }
  const [user = '', , uid = '', gid = '', , home = '', ...rest] = line.split(':');
  if (!isUser(user)) return { flaw: 'the user before its first colon cannot be in an address' };
  const owner = readOwner(user, defaultDomain);
  if ('flaw' in owner) return owner;
  if (CONTROL.test(home)) return flawOf(owner, 'has a control character in its home');
  const complete = NUMBER.test(uid) && NUMBER.test(gid) && home.startsWith('/');
  if (of === 'passwd') {
    const fields = line.split(':').length;
    if (rest.length !== 1) return flawOf(owner, `has ${fields} fields, but passwd(5) has 7`);
    if (!complete) return flawOf(owner, 'has no uid, gid and home in the fields of passwd(5)');
  }
  return {
    about: 'mailbox',
    ...owner,
    state: 'active',
    value: complete ? `${uid}:${gid}:${home}` : '',
    folders: [],
  };
}

/** Whether a text is an address or a local part without quotes that needs none. Some files separate fields with | instead of a colon. */
function isUser(text: string): boolean {
  if (text.length > LONGEST_NAME || text.includes('|')) return false;
  const address = text.startsWith('"') ? null : parseAddress(text);
  return address !== null && !('flaw' in address) && formatLocal(address.local) === address.local;
}
