import { CONTROL, type Flaw, foldLocal } from '../address/address.ts';
import { type MailboxQuestion, STATES, type State } from '../vocabulary.ts';
import { flawOf, formatOwner, parseFileOwner } from './owner.ts';

/** A mailbox. With the local part NOBODY it holds the shared folders of its domain. Folders keep their case. */
export interface Mailbox {
  readonly about: 'mailbox';
  readonly local: string;
  readonly domain: string;
  readonly state: State;
  /** What a map with `reply = "value"` replies, such as a path or uid:gid:home. "" if there is none. */
  readonly value: string;
  readonly folders: readonly string[];
}

const LONGEST_FOLDER = 1_000; // characters; Cyrus has 490 bytes for a whole mailbox name
const CLOSED = /^(?:[^"]|"(?:[^"\\]|\\.)*")*$/s;
const MORE_THAN_ADDRESS = /[ \t\r"#]/; // most lines have nothing else
const WORD = /(?:[^ \t\r"]|"(?:[^"\\]|\\.)*")+/g; // blanks separate, but not inside quotes

/**
 * Reads one line of an import: an address, then any number of `state=STATE`, `value=TEXT` and `folder=NAME`, with quotes around
 * words that have blanks. `@example.org folder=news` is a shared folder of a domain. A word that starts with a # begins a
 * comment. Null for a blank line or a comment. A Flaw says what is wrong with the line.
 */
export function parseMailboxLine(line: string): Mailbox | Flaw | null {
  if (line !== '' && !MORE_THAN_ADDRESS.test(line)) {
    const owner = parseFileOwner(line);
    if ('flaw' in owner) return owner;
    return { about: 'mailbox', local: owner.local, domain: owner.domain, state: 'active', value: '', folders: [] };
  }
  if (/^[ \t\r]*#/.test(line)) return null;
  if (!CLOSED.test(line)) return { flaw: 'has a quote that is not closed' };
  const [addressText, ...words] = line.match(WORD) ?? [];
  if (addressText === undefined) return null;
  const owner = parseFileOwner(addressText);
  if ('flaw' in owner) return owner;
  let state: State = 'active';
  let value = '';
  const folders = new Set<string>();
  for (const word of words) {
    if (word.startsWith('#')) break;
    const [, key, written = ''] = /^(state|folder|value)=(.+)$/s.exec(word) ?? [];
    const text = unquote(written);
    if (key === 'state') {
      if (!isState(text)) return flawOf(owner, `its state is not one of ${STATES.join(', ')}`);
      state = text;
    } else if (key === 'folder') {
      const folder = parseFolder(text);
      if (typeof folder !== 'string') return folder;
      folders.add(folder);
    } else if (key === 'value') {
      const flaw = flawOfValue(text);
      if (flaw !== null) return flaw;
      value = text;
    } else {
      return flawOf(owner, MORE);
    }
  }
  return { about: 'mailbox', ...owner, state, value, folders: [...folders] };
}

const MORE =
  'has other words after it than state=STATE, value=TEXT and folder=NAME; to read a table of Postfix, such as ' +
  'relay_recipient_maps, give --format postmap';

/** Writes the line that parseMailboxLine reads. */
export function formatMailboxLine({ local, domain, state, value, folders }: Mailbox): string {
  const words = [formatOwner(local, domain)];
  if (state !== 'active') words.push(`state=${state}`);
  if (value !== '') words.push(`value=${quoteWord(value)}`);
  for (const folder of folders) words.push(`folder=${quoteWord(folder)}`);
  return words.join(' ');
}

/** Reads the name of a folder below its mailbox, such as `abc` or `abc/deep`. */
export function parseFolder(text: string): string | Flaw {
  if (text === '') return { flaw: 'a folder has no name' };
  if (CONTROL.test(text)) return { flaw: `folder ${JSON.stringify(text)}: has a control character` };
  if (text.length > LONGEST_FOLDER)
    return { flaw: `folder ${text.slice(0, 40)}...: is over ${LONGEST_FOLDER} characters` };
  return text.normalize('NFC');
}

/** What is wrong with the value of a mailbox. Null if nothing is. */
export function flawOfValue(text: string): Flaw | null {
  return CONTROL.test(text) ? { flaw: `value ${JSON.stringify(text)}: has a control character` } : null;
}

/** Whether a mailbox with these folders answers a question: it is the mailbox itself, or has the folder. */
export function holds(folders: readonly string[], { folder, anyCase }: MailboxQuestion): boolean {
  if (folder === null || folders.includes(folder)) return true;
  return anyCase && folders.some((each) => foldLocal(each) === foldLocal(folder));
}

export function isState(text: string): text is State {
  return (STATES as readonly string[]).includes(text);
}

function quoteWord(text: string): string {
  return /[ "\\]/.test(text) ? `"${text.replace(/["\\]/g, '\\$&')}"` : text;
}

function unquote(text: string): string {
  return /^".*"$/s.test(text) ? text.slice(1, -1).replace(/\\(.)/gs, '$1') : text;
}
