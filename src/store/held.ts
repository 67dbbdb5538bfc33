import { keyOf, type StoredRecord } from '../record/record.ts';
import type { Answer, DomainQuestion, Question } from '../vocabulary.ts';
import { kindOf } from './guard/canary.ts';
import { answerTo, decodeClass, encode, saySame } from './layout.ts';
import { EmptyStoreError } from './store.ts';

/** Records in memory, and the answers that they give. */
export interface Held {
  /** For each kind (kindOf): the texts of its records (layout.ts), by their keys (keyOf). */
  readonly kinds: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** A record with the same key is replaced. False if it said something else. */
  add(record: StoredRecord): boolean;
  /** A record of a kind that is already a key and a text. */
  put(kind: string, key: string, text: string): void;
  /** Null if there is no such record, also if there is no such table. */
  find(question: Question): Answer;
}

/** Makes room for records. There are none yet. */
export function createHeld(): Held {
  const kinds = new Map<string, Map<string, string>>();
  const mailboxDomains = new Set<string>();
  const put = (kind: string, key: string, text: string): void => {
    const texts = kinds.get(kind);
    if (texts === undefined) kinds.set(kind, new Map([[key, text]]));
    else texts.set(key, text);
    if (kind === 'mailbox') mailboxDomains.add(key.slice(0, key.indexOf(' ')));
  };
  const findDomain = (question: DomainQuestion): Answer => {
    const text = kinds.get('domain')?.get(keyOf(question));
    const written = text === undefined ? null : decodeClass(text);
    const found = mailboxDomains.has(question.domain) && written !== 'relay' ? 'mailbox' : written;
    return found === null ? null : { value: found, state: 'active' };
  };
  return {
    kinds,
    add(record) {
      const [kind, key, text] = [kindOf(record), keyOf(record), encode(record)];
      const before = kinds.get(kind)?.get(key);
      put(kind, key, text);
      return before === undefined || saySame(record.about, before, text);
    },
    put,
    find(question) {
      if (question.about === 'domain') return findDomain(question);
      const text = kinds.get(kindOf(question))?.get(keyOf(question));
      return text === undefined ? null : answerTo(question, text);
    },
  };
}

/** Throws EmptyStoreError if a question is about a table of which there is no record: it may have a wrong name. */
export function checkTable({ kinds }: Held, question: Question): void {
  if (question.about !== 'key' || kinds.has(kindOf(question))) return;
  throw new EmptyStoreError(`there is no table ${question.table}`);
}
