import { spell } from '../address/address.ts';
import { keyOf } from '../example.ts';
import { andThen } from '../maybe.ts';
import { complain, oneOf, parsedBy, section, type z } from '../toml/type.ts';
import { tableName } from '../toml/value.ts';
import type { Kind } from './kind.ts';
import { NOTFOUND, UncertainError } from './map.ts';
import type { Resolver } from './moment.ts';

/** A `[map.NAME]` of kind table, whose table has the name of the map where it names none. */
function tableKeys(name: string) {
  return section(
    {
      table: parsedBy('the name of a table in the store', tableName).default(name),
      /** Whether a key is case-folded, as postmap(1) and makemap(8) do, or has to be asked as it was written. */
      fold: oneOf(['both', 'none'], 'both'),
    },
    (raw, context) => {
      if (raw.table !== '*') return;
      const remedy = 'set it to the name that `smmap table` knows the table by';
      complain(context, [{ key: 'table', reason: 'is missing', remedy }]);
    },
  );
}

/** What these keys come to. */
export type TableOptions = z.output<ReturnType<typeof tableKeys>>;

/** A table for any purpose of a mail server. */
export const table: Kind<TableOptions> = {
  keys: tableKeys,
  questions: (options) => [keyOf(options.table)],
  create: createTableMap,
};

/**
 * What does the table have under this key, whatever that means to the mail server? Throws where the store does, and UncertainError
 * for an empty value: Postfix takes that for a mistake, and a mail server is told nothing by it.
 */
export function createTableMap({ table: name, fold }: TableOptions): Resolver {
  return (key, store) => {
    if (key === null || key === '') return NOTFOUND;
    const found = store.lookup({ about: 'key', table: name, key: spell(key, fold), exact: fold === 'none' });
    return andThen(found, (answer) => {
      if (answer === null) return NOTFOUND;
      if (answer.value !== '') return { kind: 'OK', value: answer.value };
      throw new UncertainError(`the table ${name} has an empty value for this key: give it one, or remove it`);
    });
  };
}
