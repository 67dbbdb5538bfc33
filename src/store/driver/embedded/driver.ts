import { performance } from 'node:perf_hooks';
import { keyOf } from '../../../record/record.ts';
import type { Answer, DomainQuestion, Question } from '../../../vocabulary.ts';
import { answerTo, decodeClass } from '../../layout.ts';
import { EmptyStoreError, LostError, type Store } from '../../store.ts';
import { type Counts, readCounts } from './count.ts';
import { lastTransactionIn } from './datafile.ts';
import { lastTransactionOf, openToRead, resetTxn } from './lmdb.ts';
import { inodesAt, lockOf } from './lockfile.ts';
import { hostsMarkOf, lackOf, marksFor } from './mark.ts';
import { storedKeyOf } from './range.ts';
import { type Reading, openReading } from './reading.ts';

const CHECK_MS = 1_000;
const COMMIT_MS = 100; // on a usual disk, a transaction in the file can be read after this time

/**
 * Opens a store whose records are in a file. A command can write them while they are read, and no reload is needed. The
 * file is opened read-only, so this waits for no writer. `counted` is called with the number of records at the begin,
 * and once a second while the store is asked. Throws StoreError if it cannot be opened. It never makes a store.
 */
export function openEmbeddedStore(dir: string, counted: (counts: Counts | null) => void = () => {}): Store {
  const { db, file, inodes } = openToRead(dir);
  let checkedAt = performance.now();
  let hidden = 0; // a transaction in the file that cannot be read: it is committing, or another process has hidden it

  /**
   * A file that was moved away or replaced is another store, but what is mapped here does not show it. If the lock file
   * is missing, a writer makes a new one, and what it writes is not seen here.
   */
  const checkFile = (): void => {
    const now = performance.now();
    if (now - checkedAt < CHECK_MS) return;
    if (inodesAt(file) !== inodes) throw new LostError(`${file} or ${lockOf(file)} was removed or replaced`);
    checkedAt = now;
    const inFile = lastTransactionIn(file);
    db.resetReadTxn();
    const readable = lastTransactionOf(db);
    const isBehind = readable !== 0 && readable < inFile;
    if (isBehind && hidden === inFile) throw new LostError(`${file}: what was written last cannot be read`);
    hidden = isBehind ? inFile : 0;
    if (isBehind) checkedAt -= CHECK_MS - COMMIT_MS;
    counted(readCounts(db));
  };
  counted(readCounts(db));

  const reading = openReading(db, resetTxn);
  const answer = (question: Question): Answer => {
    const found = question.about === 'domain' ? findDomain(reading, question) : find(reading, question);
    if (found === null) confirmAbsence(reading, file, question);
    return found;
  };

  return {
    lookup(question) {
      checkFile();
      try {
        return answer(question);
      } finally {
        reading.end(); // otherwise what is written now could be missed by the next question
      }
    },
    lookupAtOnce(questions) {
      checkFile();
      try {
        return questions.map(answer);
      } finally {
        reading.end();
      }
    },
    atomic: true,
    close: () => db.close(),
  };
}

function find(reading: Reading, question: Exclude<Question, DomainQuestion>): Answer {
  const key = storedKeyOf(question);
  const text = key === null ? undefined : reading.get(key);
  return text === undefined ? null : answerTo(question, text);
}

/**
 * A domain is hosted if it was written, or if it has a mailbox. With a mailbox it is not an alias domain, whatever was
 * written: Postfix refuses all mailboxes of an alias domain (virtual_alias_domains).
 */
function findDomain(reading: Reading, question: DomainQuestion): Answer {
  const text = reading.get(keyOf(question));
  const written = text === undefined ? null : decodeClass(text);
  if (written !== null && written !== 'alias') return { value: written, state: 'active' };
  if (reading.get(hostsMarkOf(question.domain)) !== undefined) return { value: 'mailbox', state: 'active' };
  return written === null ? null : { value: written, state: 'active' };
}

/** Called at each absence, not only once: a damaged file that finds nothing any more does not find its marks either. */
function confirmAbsence(reading: Reading, file: string, question: Question): void {
  const table = question.about === 'key' ? question.table : '';
  for (const mark of marksFor(question.about, table)) {
    if (reading.get(mark) !== undefined) return;
  }
  throw new EmptyStoreError(`${file}: ${lackOf(question.about, table)}`);
}
