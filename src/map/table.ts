import { spell } from '../address/address.ts';
import { andThen } from '../maybe.ts';
import { NOTFOUND, UncertainError } from './map.ts';
import type { Resolver } from './moment.ts';

export interface TableOptions {
  readonly table: string;
  /** Whether a key is case-folded, as postmap(1) and makemap(8) do, or has to be asked as it was written. */
  readonly fold: 'both' | 'none';
}

/**
 * What does the table have under this key, whatever that means to the mail server? Throws where the store does, and UncertainError
 * for an empty value: Postfix takes that for a mistake, and a mail server is told nothing by it.
 */
export function createTableMap({ table, fold }: TableOptions): Resolver {
  return (key, store) => {
    if (key === null || key === '') return NOTFOUND;
    const found = store.lookup({ about: 'key', table, key: spell(key, fold), exact: fold === 'none' });
    return andThen(found, (answer) => {
      if (answer === null) return NOTFOUND;
      if (answer.value !== '') return { kind: 'OK', value: answer.value };
      throw new UncertainError(`the table ${table} has an empty value for this key: give it one, or remove it`);
    });
  };
}
