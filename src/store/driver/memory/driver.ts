import type { StoredRecord } from '../../../record/record.ts';
import type { Answer, Question } from '../../../vocabulary.ts';
import { checkTable, createHeld } from '../../held.ts';
import { ClosedError, type Store } from '../../store.ts';

/** A store of records from the configuration file: for a few fixed ones, and for tests. */
export function createMemoryStore(records: Iterable<StoredRecord>): Store {
  const held = createHeld();
  for (const record of records) held.add(record);
  let closed = false;
  const lookup = (question: Question): Answer => {
    if (closed) throw new ClosedError();
    checkTable(held, question);
    return held.find(question);
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
