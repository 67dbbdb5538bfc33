import type { QueryName } from '../../../asked.ts';
import type { Dialect } from '../query.ts';

/** The texts of the queries of one mail system, by database. */
export type Schema = Readonly<Partial<Record<Dialect, Readonly<Partial<Record<QueryName, string>>>>>>;

/** What databases write differently. */
export interface Words {
  /** Texts, one behind the other. */
  readonly concat: (...parts: readonly string[]) => string;
  /** Of an address that was found in a domain, what stands before the @. */
  readonly localOf: (address: string, domain: string) => string;
  /** How a column is compared with what is asked, so that capitals are found by an index: MySQL compares so anyway. */
  readonly folded: (column: string) => string;
  /** Whether two texts differ in case at most. In MySQL `=` may also overlook accents, and what is hidden by a likeness is lost. */
  readonly same: (a: string, b: string) => string;
  /** This moment, by the clock that the mail system's own queries read. */
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

/** A schema that is the same in each of these databases but for their words. */
export function inEach(
  dialects: readonly Dialect[],
  write: (words: Words) => Readonly<Partial<Record<QueryName, string>>>,
): Schema {
  return Object.fromEntries(dialects.map((dialect) => [dialect, write(WORDS[dialect])]));
}
