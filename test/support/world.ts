import { type Alias, parseAliasLine } from '../../src/record/alias.ts';
import { type Mailbox, parseMailboxLine } from '../../src/record/mailbox.ts';
import type { StoredRecord } from '../../src/record/record.ts';
import { createMemoryStore } from '../../src/store/driver/memory/driver.ts';
import type { Store } from '../../src/store/store.ts';

/** The records of a store at one moment, as lines. A line with a target is an alias, any other is a mailbox. */
export function momentOf(...lines: readonly string[]): Store {
  const records = lines.map((line): StoredRecord => {
    return / (?!state=|folder=)/.test(line) ? (parseAliasLine(line) as Alias) : (parseMailboxLine(line) as Mailbox);
  });
  return createMemoryStore(records);
}

/** A store that is another one from call to call: `next` says which it is, and is called before each. */
export function createChanging(next: () => Store, isLater: boolean): Store {
  const turn = async <T>(answer: () => T): Promise<T> => {
    await Promise.resolve();
    return answer();
  };
  const give = <T>(answer: () => T): T | Promise<T> => (isLater ? turn(answer) : answer());
  return {
    lookup: (question) => give(() => next().lookup(question) as Awaited<ReturnType<Store['lookup']>>),
    lookupAtOnce: (questions) =>
      give(() => next().lookupAtOnce(questions) as Awaited<ReturnType<Store['lookupAtOnce']>>),
    atomic: true,
    close: () => {},
  };
}
