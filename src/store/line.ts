import { type Flaw, foldLocal, formatAddress, parseAddress } from '../address/address.ts';
import { parseDomain } from '../address/domain.ts';
import { NOBODY, type MailboxQuestion, STATES, type State } from '../vocabulary.ts';

/** A mailbox as a store holds it: a folded local part, a canonical domain, folders in their own case. */
export interface Mailbox {
  readonly local: string;
  readonly domain: string;
  readonly state: State;
  readonly folders: readonly string[];
}

const CONTROL = /[\x00-\x1f\x7f-\x9f]/;
const LONGEST_FOLDER = 1_000; // characters; Cyrus has 490 bytes for a whole mailbox name
const WORD = /(?:[^ \t\r"]|"(?:[^"\\]|\\.)*")+|"/g; // blanks separate, but not within quotes; a lone quote is a word, and a flaw

/**
 * Reads one line of an import: an address, then `state=STATE` and `folder=NAME` in any number, with quotes around what
 * holds blanks; `@example.org folder=news` are the shared folders of a domain. Null for a blank line and a comment; a Flaw says what is wrong with any other.
 */
export function parseMailboxLine(text: string): Mailbox | Flaw | null {
  const [addressText, ...words] = text.match(WORD) ?? [];
  if (addressText === undefined || addressText.startsWith('#')) return null;
  const owner = parseOwner(addressText);
  if ('flaw' in owner) return owner;
  let state: State = 'active';
  const folders = new Set<string>();
  for (const word of words) {
    const [, key, value = ''] = /^(state|folder)=(.+)$/s.exec(word) ?? [];
    if (key === 'state') {
      if (!isState(value)) return { flaw: `${word}: a state is one of ${STATES.join(', ')}` };
      state = value;
    } else if (key === 'folder') {
      const folder = parseFolder(unquote(value));
      if (typeof folder !== 'string') return folder;
      folders.add(folder);
    } else {
      return { flaw: `${word}: neither state=STATE nor folder=NAME` };
    }
  }
  return { ...owner, state, folders: [...folders] };
}

/** Writes the line that parseMailboxLine reads. */
export function formatMailboxLine({ local, domain, state, folders }: Mailbox): string {
  const address = formatOwner(local, domain);
  const words = [address.startsWith('#') ? `${quote(local)}@${domain}` : address]; // else it would be a comment
  if (state !== 'active') words.push(`state=${state}`);
  for (const folder of folders) words.push(`folder=${/[ "\\]/.test(folder) ? quote(folder) : folder}`);
  return words.join(' ');
}

/** The address that a mailbox is stored under; `@domain` for the shared folders of a domain. */
export function formatOwner(local: string, domain: string): string {
  return local === NOBODY ? `@${domain}` : formatAddress(local, domain);
}

/** Reads what formatOwner writes: it needs a domain, since a store has no default domain. */
export function parseOwner(text: string): Pick<Mailbox, 'local' | 'domain'> | Flaw {
  const shared = text.lastIndexOf('@') === 0 ? parseDomain(text.slice(1)) : null;
  if (shared !== null) return { local: NOBODY, domain: shared };
  const address = parseAddress(text);
  if ('flaw' in address) return { flaw: `${text}: ${address.flaw}` };
  if (address.domain === null) return { flaw: `${text}: has no domain; give user@domain` };
  return { local: foldLocal(address.local), domain: address.domain };
}

/** Reads a folder's name below its mailbox, such as `abc` or `abc/deep`. */
export function parseFolder(text: string): string | Flaw {
  if (text === '') return { flaw: 'a folder has no name' };
  if (CONTROL.test(text)) return { flaw: `folder ${JSON.stringify(text)}: has a control character` };
  if (text.length > LONGEST_FOLDER)
    return { flaw: `folder ${text.slice(0, 40)}...: is over ${LONGEST_FOLDER} characters` };
  return text.normalize('NFC');
}

/** Whether a mailbox with these folders is, or has, what is asked for. */
export function holds(folders: readonly string[], { folder, anyCase }: MailboxQuestion): boolean {
  if (folder === null || folders.includes(folder)) return true;
  return anyCase && folders.some((each) => foldLocal(each) === foldLocal(folder));
}

export function isState(text: string): text is State {
  return (STATES as readonly string[]).includes(text);
}

function quote(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

function unquote(text: string): string {
  return /^".*"$/s.test(text) ? text.slice(1, -1).replace(/\\(.)/gs, '$1') : text;
}
