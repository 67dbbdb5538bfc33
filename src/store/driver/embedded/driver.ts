import type { Answer, DomainQuestion, Question } from '../../../vocabulary.ts';
import { keyOf } from '../../../record/record.ts';
import { EmptyStoreError, LostError, type Store } from '../../store.ts';
import { type Counts, readCounts } from './count.ts';
import { answerTo, decodeClass } from '../../layout.ts';
import { hasStore, lastTransactionIn } from './datafile.ts';
import { type Db, lastTransactionOf, openToRead, openToWrite } from './lmdb.ts';
import { lockOf, standingAt } from './lockfile.ts';
import { hostsMarkOf, lackOf, marksFor } from './mark.ts';
import { storedKeyOf } from './range.ts';

const CHECK_MS = 1_000;
const COMMIT_MS = 100; // between a transaction's arrival in the file and the moment from which it is read, on a usual disk

/**
 * Records in a file, read while a command writes, without a reload. It is opened read-only, so it waits for no writer.
 * `counted` is told how many records there are, when it is opened and once a second while it is asked. Throws StoreError
 * where it cannot be opened.
 */
export function openEmbeddedStore(dir: string, counted: (counts: Counts | null) => void = () => {}): Store {
  const { db, file, standing } = openToRead(dir);
  let checkedAt = performance.now();
  let hidden = 0; // a transaction that is in the file and cannot be read: it commits, or another process has hidden it

  /**
   * A file that was moved away or replaced is another store, and what is mapped here says nothing about that; and without
   * its lock file, a writer makes another one, and what he writes is not seen here.
   */
  const checkFile = (): void => {
    const now = performance.now();
    if (now - checkedAt < CHECK_MS) return;
    if (standingAt(file) !== standing) throw new LostError(`${file} or ${lockOf(file)} was removed or replaced`);
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

  /** In the read transaction that there is, or in a new one. */
  const answer = (question: Question): Answer => {
    const found = question.about === 'domain' ? findDomain(db, question) : find(db, question);
    if (found === null) confirmMiss(db, file, question);
    return found;
  };
  const renew = (): void => {
    checkFile();
    db.resetReadTxn(); // else what was written within the last millisecond could be missed
  };

  return {
    lookup(question) {
      renew();
      return answer(question);
    },
    lookupAtOnce(questions) {
      renew();
      return questions.map(answer); // lmdb keeps the transaction to the end of this turn at least
    },
    atomic: true,
    close: () => db.close(),
  };
}

/** Makes an empty store where there is none. */
export async function makeEmbeddedStore(dir: string): Promise<void> {
  if (!hasStore(dir)) await openToWrite(dir).db.close();
}

function find(db: Db, question: Exclude<Question, DomainQuestion>): Answer {
  const key = storedKeyOf(question);
  const text = key === null ? undefined : db.get(key);
  return text === undefined ? null : answerTo(question, text);
}

/**
 * A domain is hosted that was written as such, or that has a mailbox. With a mailbox it is no alias domain, whatever was
 * written: Postfix refuses all mailboxes of one (virtual_alias_domains).
 */
function findDomain(db: Db, question: DomainQuestion): Answer {
  const text = db.get(keyOf(question));
  const written = text === undefined ? null : decodeClass(text);
  if (written !== null && written !== 'alias') return { value: written, state: 'active' };
  if (db.get(hostsMarkOf(question.domain)) !== undefined) return { value: 'mailbox', state: 'active' };
  return written === null ? null : { value: written, state: 'active' };
}

/** Asked at each miss, and not once: where a damaged file finds nothing any more, it does not find its marks either. */
function confirmMiss(db: Db, file: string, question: Question): void {
  const table = question.about === 'key' ? question.table : '';
  for (const mark of marksFor(question.about, table)) {
    if (db.get(mark) !== undefined) return;
  }
  throw new EmptyStoreError(`${file}: ${lackOf(question.about, table)}`);
}
