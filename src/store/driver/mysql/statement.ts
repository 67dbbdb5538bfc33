import type { Flaw } from '../../../address/address.ts';
import { withoutBrackets } from '../../../endpoint.ts';
import type { Question } from '../../../vocabulary.ts';
import { type Row, rowFrom } from '../../row.ts';
import { StoreError } from '../../store.ts';
import { type QueryName, valueOf } from '../../asked.ts';
import type { Query } from '../sql/query.ts';

/** Where a server is: `path` is that of a Unix socket, and null for host and port. */
export interface Address {
  readonly host: string;
  readonly port: number;
  readonly path: string | null;
  readonly user: string;
  readonly database: string;
}

const PORT = 3306; // MySQL's own

/**
 * Reads `mysql://user@host:3306/database` or `mysql://user@localhost/database?socketPath=/run/mysqld/mysqld.sock`. What would have
 * a place of its own in the configuration, such as a password or ssl, is a flaw: nothing that was meant to protect is passed over.
 */
export function parseUrl(text: string): Address | Flaw {
  if (!/^(?:mysql|mariadb):\/\//.test(text) || !URL.canParse(text)) return { flaw: 'is no mysql://user@host/database' };
  const { hostname, password, pathname, port, searchParams, username } = new URL(text);
  if (password !== '') return { flaw: 'has a password; give it by itself' };
  const { socketPath, ...others }: Partial<Record<string, string>> = Object.fromEntries(searchParams);
  const [other] = Object.keys(others);
  if (other !== undefined) return { flaw: `has ${other}, and may have only socketPath` };
  if (socketPath?.startsWith('/') === false) return { flaw: 'has a socketPath that is not absolute' };
  try {
    const address = {
      host: withoutBrackets(decodeURIComponent(hostname)) || 'localhost',
      port: Number(port || PORT),
      path: socketPath ?? null,
      user: decodeURIComponent(username),
      database: decodeURIComponent(pathname.slice(1)),
    };
    if (address.user === '') return { flaw: 'names no user' };
    if (address.database === '' || address.database.includes('/')) return { flaw: 'names no database' };
    return address;
  } catch {
    return { flaw: 'has a percent sign that escapes nothing' };
  }
}

/**
 * Whatever the server has as its defaults: texts are UTF-8; a query means the same everywhere, and CHAR columns are not padded;
 * no result is cut; and no transaction is left open, which would keep others from changing a table.
 */
export const SESSION = [
  'names utf8mb4',
  "sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'",
  'autocommit = 1',
  'sql_select_limit = 18446744073709551615',
  'group_concat_max_len = 1048576',
] as const;

/** Asks what a server is, for `limitsOf`. */
export const LIMITS = `show variables where variable_name in
  ('max_allowed_packet', 'max_statement_time', 'max_execution_time', 'wsrep_on')`;

/** What a server takes at once, and what to set so that none of our statements takes longer than the time. */
export function limitsOf(
  rows: readonly (readonly unknown[])[],
  timeoutMs: number,
): { readonly packetBytes: number; readonly settings: string } {
  const variables = new Map(rows.map(([name, value]) => [name, value]));
  const packetBytes = Number(variables.get('max_allowed_packet'));
  if (!(packetBytes > 0)) throw new StoreError('the server does not say how much it takes at once');
  const isMariadb = variables.has('max_statement_time');
  const limit = isMariadb ? `max_statement_time = ${timeoutMs / 1_000}` : `max_execution_time = ${timeoutMs}`;
  // A node of Galera first does what the others have done already.
  return { packetBytes, settings: variables.get('wsrep_on') === 'ON' ? `${limit}, wsrep_sync_wait = 1` : limit };
}

/** The column that says which question a row answers. No column of an administrator is called so. */
const NUMBER = 'smmap_n';

/** One statement that asks a query so many times: with `?` for parameters, which come in the order of `unionValues`. */
export function unionOf(query: Query, size: number): string {
  const text = query.parts.join('?');
  const branches = Array.from({ length: size }, (_, at) => `(select ${at} as ${NUMBER}, u.* from (${text}) u)`);
  return branches.join(' union all ');
}

/** The values of a union for questions, of which the last stands in for those that are missing. */
export function unionValues(query: Query, size: number, questions: readonly Question[]): string[] {
  return Array.from({ length: size }, (_, at) => {
    const question = questions[Math.min(at, questions.length - 1)] as Question;
    return query.parameters.map((parameter) => valueOf(question, parameter));
  }).flat();
}

/** The rows of a union, for each of the questions its own. Throws StoreError for a row of no question. */
export function rowsByQuestion(
  columns: readonly string[],
  rows: readonly (readonly unknown[])[],
  { asked, size }: { readonly asked: number; readonly size: number },
): readonly (readonly Row[])[] {
  const found = Array.from({ length: asked }, (): Row[] => []);
  const numbered = columns.indexOf(NUMBER);
  for (const row of rows) {
    const at = row[numbered];
    if (typeof at !== 'number' || at >= size) throw new StoreError(`a row of question ${String(at)}, of ${size}`);
    found[at]?.push(rowFrom(columns, row));
  }
  return found;
}

/** The names of what was found, of which a query has to select one of each set. */
const NAMES: Readonly<Record<QueryName, readonly (readonly string[])[]>> = {
  mailbox: [['address', 'local']],
  folder: [['address', 'local'], ['folder']],
  alias: [['address', 'local']],
  // Domains are asked as A-labels, of which a loose comparison finds no other.
  domain: [],
  key: [['key']],
};

/** Throws StoreError where a query does not say what it found, in a database that compares loosely. */
export function checkNames(name: QueryName, columns: readonly string[]): void {
  for (const names of NAMES[name]) {
    if (names.some((each) => columns.includes(each))) continue;
    throw new StoreError(
      `the query ${name} has to select the column ${names.join(' or ')} as well: ` +
        'this database may take joé for joe, and only the name that it found tells them apart',
    );
  }
}

/** The bytes of the packet, and some more: a value has up to 9 bytes before it, and a type. */
export function sizeOf(values: readonly string[]): number {
  return values.reduce((sum, value) => sum + Buffer.byteLength(value) + 12, 1_024);
}

// What no SQLSTATE tells: characters that a column's character set does not have, and what a regular expression cannot be.
const OF_QUESTION = new Set([1_139, 1_153, 1_267, 1_270, 1_271, 1_300, 1_301, 1_366, 1_977, 3_854]);

/** Of those, the ones of characters. */
const OF_CHARACTERS = new Set([1_267, 1_270, 1_271, 1_300, 1_366, 1_977, 3_854]);

/** What a server says of an error. */
export interface Refusal {
  readonly errno?: number | undefined;
  readonly sqlState?: string | undefined;
}

/** Whether a statement that was prepared well failed by its values. 22 is "data exception", 21000 more rows than one. */
export function isOfQuestion({ errno, sqlState }: Refusal): boolean {
  return OF_QUESTION.has(errno ?? 0) || /^(?:22|21000)/.test(sqlState ?? '');
}

/** Whether it failed since a column cannot hold a character of its values. */
export function isUnstorable({ errno }: Refusal): boolean {
  return OF_CHARACTERS.has(errno ?? 0);
}
