import { spell } from '../address/address.ts';
import { andThen } from '../maybe.ts';
import type { Store } from '../store/store.ts';
import { type Handler, NOTFOUND } from './map.ts';

export interface TableOptions {
  readonly table: string;
  /** Whether a key is case-folded, as postmap(1) and makemap(8) do, or has to be asked as it was written. */
  readonly fold: 'both' | 'none';
}

/** What does the table have under this key, whatever that means to the mail server? Throws where the store does. */
export function createTableMap({ table, fold }: TableOptions, store: Store): Handler {
  return (key) => {
    if (key === null || key === '') return NOTFOUND;
    const found = store.lookup({ about: 'key', table, key: spell(key, fold), exact: fold === 'none' });
    return andThen(found, (answer) => (answer === null ? NOTFOUND : { kind: 'OK', value: answer.value }));
  };
}
