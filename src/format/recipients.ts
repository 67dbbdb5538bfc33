import { CONTROL, type Flaw } from '../address/address.ts';
import type { Mailbox } from '../record/mailbox.ts';
import { flawOf, splitWord } from '../record/owner.ts';
import { NOBODY } from '../vocabulary.ts';
import { readOwner } from './owner.ts';

const REFUSES = /^(?:REJECT|DEFER\w*|DISCARD|DUNNO|HOLD|[45]\d\d)(?![\w/])/i; // access(5)

/**
 * Reads a logical line of the table of postmap(1) in which Postfix looks for recipients: relay_recipient_maps,
 * local_recipient_maps or virtual_mailbox_maps; null for a blank line and a comment. What is behind the address says
 * only that it is there, but for a path, which becomes the value.
 */
export function parseRecipientLine(text: string, defaultDomain: string | null): Mailbox | Flaw | null {
  const line = text.trim();
  if (line === '' || line.startsWith('#')) return null;
  if (!text.startsWith(line)) return { flaw: 'starts with a blank, but there is no line that it continues' };
  const [key, word] = splitWord(line);
  const owner = readOwner(key, defaultDomain);
  if ('flaw' in owner) return owner;
  if (owner.local === NOBODY) {
    return flawOf(
      owner,
      'stands for all addresses of its domain, which are no mailboxes; make it an alias, or list them',
    );
  }
  if (word === '') return flawOf(owner, 'has nothing behind it, and postmap(1) passes over such a line');
  if (REFUSES.test(word))
    return flawOf(owner, 'has an action of access(5) behind it; import the file as a table (smmap table import)');
  if (CONTROL.test(word)) return flawOf(owner, 'has a control character behind it');
  return { about: 'mailbox', ...owner, state: 'active', value: word.includes('/') ? word : '', folders: [] };
}
