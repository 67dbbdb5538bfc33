import { CONTROL, type Flaw } from '../address/address.ts';
import type { Mailbox } from '../record/mailbox.ts';
import { flawOf, splitWord } from '../record/owner.ts';
import { NOBODY } from '../vocabulary.ts';
import { readOwner } from './owner.ts';
import { formatPostfixKey } from './virtual.ts';

const REFUSES = /^(?:REJECT|DEFER\w*|DISCARD|DUNNO|HOLD|[45]\d\d)(?![\w/])/i; // access(5)

/**
 * Reads a logical line of a recipient table of Postfix (postmap(1)): relay_recipient_maps, local_recipient_maps or
 * virtual_mailbox_maps. Null for a blank line or a comment. The right side only says that the address exists; if it is a path,
 * it becomes the value.
 */
export function parseRecipientLine(text: string, defaultDomain: string | null): Mailbox | Flaw | null {
  const line = text.trim();
  if (line === '' || line.startsWith('#')) return null;
  if (!text.startsWith(line)) return { flaw: 'starts with a blank, but there is no line before it to continue' };
  const [key, word] = splitWord(line);
  const owner = readOwner(key, defaultDomain);
  if ('flaw' in owner) return owner;
  if (owner.local === NOBODY) {
    return flawOf(owner, 'means all addresses of its domain, not mailboxes; make it an alias, or list the addresses');
  }
  if (word === '') return flawOf(owner, 'has nothing after it, and postmap(1) ignores such a line');
  if (REFUSES.test(word))
    return flawOf(owner, 'has an action of access(5) after it; import the file as a table (smmap table import)');
  if (CONTROL.test(word)) return flawOf(owner, 'has a control character after it');
  return { about: 'mailbox', ...owner, state: 'active', value: word.includes('/') ? word : '', folders: [] };
}

/**
 * Writes the line that parseRecipientLine reads and Postfix finds; without a path as value, the right side is OK. Null for a
 * disabled mailbox, which Postfix refuses if it is not in the table, and for the shared folders of a domain.
 */
export function formatRecipientLine({ local, domain, state, value }: Mailbox): string | Flaw | null {
  if (local === NOBODY || state === 'disabled') return null;
  const key = formatPostfixKey(local, domain);
  return typeof key === 'string' ? `${key} ${value.includes('/') && !CONTROL.test(value) ? value : 'OK'}` : key;
}
