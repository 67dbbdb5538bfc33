import type { StoredRecord } from '../../../record/record.ts';
import type { About } from '../../../vocabulary.ts';
import { encode } from '../../layout.ts';
import { aboutOf } from './count.ts';
import type { PortionSize } from './portion.ts';
import { storedKeyOf } from './range.ts';
import { createSorter } from './sorter.ts';

/** Collects the records of a list, and gives them in the order of their keys. */
export interface List {
  /** False if its name is longer than the store can hold. `at` is its place in the list. Throws StoreError. */
  put(record: StoredRecord, at: string): boolean;
  /** All of them, those with equal keys as they came. To be called once. Throws StoreError. */
  inOrder(): Iterable<Listed>;
  close(): void;
}

/** A record of a list, as it is in the data file. */
export interface Listed {
  readonly about: About;
  readonly key: string;
  readonly text: string;
  /** Its place in the list; "" for a mailbox. */
  readonly at: string;
}

const END = '\0'; // of a place

/** A list that needs a file in a folder if it is long. */
export function createList(dir: string, size?: PortionSize): List {
  const sorter = createSorter(dir, size);
  return {
    put(record, at) {
      const key = storedKeyOf(record);
      if (key === null) return false;
      const text = encode(record);
      return sorter.add(key, record.about === 'mailbox' ? text : at + END + text);
    },
    *inOrder() {
      for (const { key, text } of sorter.sorted()) {
        const about = aboutOf(key) as About;
        if (about === 'mailbox') {
          yield { about, key, text, at: '' };
        } else {
          const end = text.indexOf(END);
          yield { about, key, text: text.slice(end + 1), at: text.slice(0, end) };
        }
      }
    },
    close: () => sorter.close(),
  };
}
