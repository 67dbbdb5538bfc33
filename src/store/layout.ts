import { foldLocal } from '../address/address.ts';
import { formatTargets } from '../address/target.ts';
import { saying } from '../message.ts';
import { holds, isState, type Mailbox } from '../record/mailbox.ts';
import type { StoredRecord } from '../record/record.ts';
import { type About, type Answer, type DomainClass, type Question, isClass } from '../vocabulary.ts';
import { StoreError } from './store.ts';

/**
 * Writes the value of a record in the data file; its key is that of record/record.ts. The value consists of lines,
 * since nothing in a record contains a line feed:
 *
 *   mailbox  "<state>[\tname=<spelling>][\tvalue=<value>]", then a line for each folder
 *   alias    "<spelling>", then a line for each target
 *   domain   "<class>"
 *   key      "<spelling>", then the value
 *
 * A spelling is written only if it differs from the case-folded one in the key.
 */
export function encode(record: StoredRecord): string {
  switch (record.about) {
    case 'mailbox': {
      const spelling = spellingOf(record.local);
      if (spelling === '' && record.value === '' && record.folders.length === 0) return record.state; // one text for all
      const fields: string[] = [record.state];
      if (spelling !== '') fields.push(`name=${spelling}`);
      if (record.value !== '') fields.push(`value=${record.value}`);
      return [fields.join('\t'), ...record.folders].join('\n');
    }
    case 'alias':
      return [spellingOf(record.local), ...record.targets].join('\n');
    case 'domain':
      return record.class;
    case 'key':
      return `${spellingOf(record.key)}\n${record.value}`;
  }
}

/** Whether two records with one key say the same, apart from its spelling. */
export function saySame(about: About, one: string, other: string): boolean {
  return one === other || withoutSpelling(about, one) === withoutSpelling(about, other);
}

function withoutSpelling(about: About, text: string): string {
  if (about === 'domain') return text;
  return about === 'mailbox' ? text.replace(/\tname=[^\t\n]*/, '') : text.slice(text.indexOf('\n'));
}

/** Reads a record from its key and its value. Throws StoreError if a newer smmap wrote it. */
export function decode(about: About, key: string, text: string): StoredRecord {
  switch (about) {
    case 'mailbox': {
      const blank = key.indexOf(' ');
      const { spelling, ...mailbox } = decodeMailbox(text);
      return { about, local: spelling ?? key.slice(blank + 1), domain: key.slice(0, blank), ...mailbox };
    }
    case 'alias': {
      const [, domain, folded] = splitKey(key);
      const [spelling, ...targets] = text.split('\n');
      return { about, local: spelling || folded, domain, targets };
    }
    case 'domain':
      return { about, domain: splitKey(key)[1], class: decodeClass(text) };
    case 'key': {
      const [, table, folded] = splitKey(key);
      const end = text.indexOf('\n');
      return { about, table, key: text.slice(0, end) || folded, value: text.slice(end + 1) };
    }
  }
}

/** The answer to a question, from the value under its key. */
export function answerTo(question: Exclude<Question, { about: 'domain' }>, text: string): Answer {
  switch (question.about) {
    case 'mailbox': {
      if (text === ACTIVE.state && question.folder === null && !question.exact) return ACTIVE; // as nearly all are
      const { spelling, state, value, folders } = decodeMailbox(text);
      if (question.exact && (spelling ?? foldLocal(question.local)) !== question.local) return null;
      return holds(folders, question) ? { value, state } : null;
    }
    case 'alias': {
      const [spelling, ...targets] = text.split('\n');
      if (question.exact && (spelling || foldLocal(question.local)) !== question.local) return null;
      return { value: formatTargets(targets), state: 'active' };
    }
    case 'key': {
      const end = text.indexOf('\n');
      if (question.exact && (text.slice(0, end) || foldLocal(question.key)) !== question.key) return null;
      return { value: text.slice(end + 1), state: 'active' };
    }
  }
}

/** Reads the class of a domain. Throws StoreError if a newer smmap wrote it. */
export function decodeClass(text: string): DomainClass {
  if (isClass(text)) return text;
  throw new StoreError(saying`a domain has the class "${text}", which this smmap does not know`);
}

const ACTIVE = { value: '', state: 'active' } as const;

function spellingOf(text: string): string {
  return foldLocal(text) === text ? '' : text;
}

/** Splits a key such as "!alias example.org fred". Its last part may contain blanks. */
function splitKey(key: string): readonly [about: string, first: string, rest: string] {
  const [about = '', first = ''] = key.split(' ', 2);
  return [about, first, key.slice(about.length + first.length + 2)];
}

function decodeMailbox(text: string): Pick<Mailbox, 'state' | 'value' | 'folders'> & { readonly spelling?: string } {
  const [head = '', ...folders] = text.split('\n');
  const [state = '', ...fields] = head.split('\t');
  if (!isState(state)) throw new StoreError(saying`a mailbox has the state "${state}", which this smmap does not know`);
  const field = (name: string): string | undefined => fields.find((each) => each.startsWith(name))?.slice(name.length);
  const spelling = field('name=');
  return { state, value: field('value=') ?? '', folders, ...(spelling !== undefined && { spelling }) };
}
