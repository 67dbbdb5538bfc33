import { spell } from '../address/address.ts';
import { keyOf } from '../example.ts';
import { andThen } from '../maybe.ts';
import { plain, saying } from '../message.ts';
import { complain, oneOf, parsedBy, section, type z } from '../toml/type.ts';
import { tableName } from '../toml/value.ts';
import type { Kind } from './kind.ts';
import { NOTFOUND, NO_ADDRESS, UncertainError } from './map.ts';
import type { Resolver } from './moment.ts';

/** A `[map.NAME]` of kind table. Without `table`, the table has the name of the map. */
function tableKeys(name: string) {
  return section(
    {
      table: parsedBy('the name of a table in the store', tableName).default(name),
      /** `both`: a key is case-folded, as postmap(1) and makemap(8) do. `none`: its case counts. */
      fold: oneOf(['both', 'none'], 'both'),
    },
    (raw, context) => {
      if (raw.table !== '*') return;
      const remedy = 'set it to the name that `smmap table` knows the table by';
      complain(context, [{ key: 'table', reason: 'is missing', remedy }]);
    },
  );
}

/** The keys, as they are read. */
export type TableOptions = z.output<ReturnType<typeof tableKeys>>;

/** The kind `table`: values for keys, for any use of a mail server. */
export const table: Kind<TableOptions> = {
  keys: tableKeys,
  questions: (options) => [keyOf(options.table)],
  create: createTableMap,
  isSame: (one, other) => one === other,
  variants: (options) =>
    options.fold === 'both' ? [] : [{ setting: 'fold = "both"', options: { ...options, fold: 'both' } }],
};

/**
 * Which value does the table have for this key? Throws if the store throws, and UncertainError for an empty value:
 * Postfix treats an empty value as an error, and it says nothing to other mail servers.
 */
export function createTableMap({ table: name, fold }: TableOptions): Resolver {
  return (key, store) => {
    if (key === null || key === '') return NO_ADDRESS;
    const spelled = spell(key, fold);
    store.trace?.note('table', `${name}: asks for ${spelled} (fold = "${fold}")`, 'fold');
    const found = store.lookup({ about: 'key', table: name, key: spelled, exact: fold === 'none' });
    return andThen(found, (answer) => {
      if (answer === null) return NOTFOUND;
      if (answer.value !== '') return { kind: 'OK', value: answer.value };
      throw new UncertainError(
        saying`the table ${plain(name)} has an empty value for this key: set a value, or remove the key`,
      );
    });
  };
}
