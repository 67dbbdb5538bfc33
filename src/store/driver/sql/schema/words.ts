import type { QueryName } from '../../../asked.ts';
import type { Dialect } from '../query.ts';

/** The texts of the queries of one mail system, by database. */
export type Schema = Readonly<Partial<Record<Dialect, Readonly<Partial<Record<QueryName, string>>>>>>;

/** What databases write differently. */
export interface Words {
  /** Joins texts. */
  readonly concat: (...parts: readonly string[]) => string;
  /** The part before the @ of an address in this domain. */
  readonly localOf: (address: string, domain: string) => string;
  /** How a column is compared with a parameter, so an index finds capitals, too. MySQL always compares like this. */
  readonly folded: (column: string) => string;
  /**
   * Whether two texts differ only in case. In MySQL `=` may ignore accents, so a similar name could hide the right one.
   */
  readonly same: (a: string, b: string) => string;
  /** The current time, by the clock that the mail system's own queries use. */
  readonly now: string;
}

const standard = {
  concat: (...parts: readonly string[]) => parts.join(' || '),
  folded: (column: string) => `lower(${column})`,
  same: (a: string, b: string) => `lower(${a}) = lower(${b})`,
};

const exactly = (text: string): string => `cast(lower(convert(${text} using utf8mb4)) as binary)`;

const WORDS: Readonly<Record<Dialect, Words>> = {
  postgresql: { ...standard, localOf: before('char_length'), now: 'now()' },
  mysql: {
    concat: (...parts) => `concat(${parts.join(', ')})`,
    localOf: before('char_length'), // `length` counts octets there
    folded: (column) => column,
    same: (a, b) => `${exactly(a)} = ${exactly(b)}`,
    now: 'now()',
  },
  sqlite: { ...standard, localOf: before('length'), now: "datetime('now')" },
};

function before(length: string): Words['localOf'] {
  return (address, domain) => `substr(${address}, 1, ${length}(${address}) - ${length}(${domain}) - 1)`;
}

/** A schema that differs only in these words between the databases. */
export function inEach(
  dialects: readonly Dialect[],
  write: (words: Words) => Readonly<Partial<Record<QueryName, string>>>,
): Schema {
  return Object.fromEntries(dialects.map((dialect) => [dialect, write(WORDS[dialect])]));
}
