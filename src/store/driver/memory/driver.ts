import { type StoredRecord, keyOf } from '../../../record/record.ts';
import type { Answer, DomainQuestion, Question } from '../../../vocabulary.ts';
import { answerTo, encode } from '../../layout.ts';
import { ClosedError, EmptyStoreError, type Store } from '../../store.ts';

/** A store of records from the configuration file: for a few fixed ones, and for tests. */
export function createMemoryStore(records: Iterable<StoredRecord>): Store {
  const texts = new Map<string, string>();
  const classes = new Map<string, string>();
  const mailboxDomains = new Set<string>();
  const tables = new Set<string>();
  for (const record of records) {
    if (record.about === 'domain') classes.set(record.domain, record.class);
    else texts.set(keyOf(record), encode(record));
    if (record.about === 'mailbox') mailboxDomains.add(record.domain);
    if (record.about === 'key') tables.add(record.table);
  }
  let closed = false;
  const findDomain = ({ domain }: DomainQuestion): Answer => {
    const written = classes.get(domain);
    const derived = mailboxDomains.has(domain) && written !== 'relay' ? 'mailbox' : written;
    return derived === undefined ? null : { value: derived, state: 'active' };
  };
  const lookup = (question: Question): Answer => {
    if (closed) throw new ClosedError();
    if (question.about === 'domain') return findDomain(question);
    if (question.about === 'key' && !tables.has(question.table)) {
      throw new EmptyStoreError(`there is no table ${question.table}`);
    }
    const text = texts.get(keyOf(question));
    return text === undefined ? null : answerTo(question, text);
  };
  return {
    lookup,
    lookupAtOnce: (questions) => questions.map(lookup),
    atomic: true,
    close() {
      closed = true;
    },
  };
}
