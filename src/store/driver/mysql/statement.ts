import { withoutBrackets } from '../../../endpoint.ts';
import { plain, saying } from '../../../message.ts';
import type { Question } from '../../../vocabulary.ts';
import { type QueryName, valueOf } from '../../asked.ts';
import { type Row, rowFrom } from '../../row.ts';
import type { UrlFlaw } from '../../server.ts';
import { StoreError } from '../../store.ts';
import type { Query } from '../sql/query.ts';
import { NUMBER, numbered } from './branches.ts';

/** Where a server is. `path` is the path of a Unix socket, or null if it is reached by host and port. */
export interface Address {
  readonly host: string;
  readonly port: number;
  readonly path: string | null;
  readonly user: string;
  readonly database: string;
}

const PORT = 3306; // the default of MySQL

/**
 * Reads `mysql://user@host:3306/database` or `mysql://user@localhost/database?socketPath=/run/mysqld/mysqld.sock`. A
 * password or a parameter such as ssl is a flaw: it has its own key in the configuration, and to ignore it would make
 * the connection less safe than intended.
 */
export function parseUrl(text: string): Address | UrlFlaw {
  if (!/^(?:mysql|mariadb):\/\//.test(text) || !URL.canParse(text))
    return { flaw: 'is not of the form mysql://user@host/database' };
  const { hostname, password, pathname, port, searchParams, username } = new URL(text);
  if (password !== '')
    return { flaw: 'has a password', remedy: 'put it into a file, and name that file in password_file' };
  const { socketPath, ...others }: Partial<Record<string, string>> = Object.fromEntries(searchParams);
  const [other] = Object.keys(others);
  if (other !== undefined) {
    return {
      flaw: `has the parameter ${other}, but only socketPath is allowed`,
      remedy: 'remove it (TLS has the key tls)',
    };
  }
  if (socketPath?.startsWith('/') === false) return { flaw: 'has a socketPath that does not begin with a slash' };
  try {
    const address = {
      host: withoutBrackets(decodeURIComponent(hostname)) || 'localhost',
      port: Number(port || PORT),
      path: socketPath ?? null,
      user: decodeURIComponent(username),
      database: decodeURIComponent(pathname.slice(1)),
    };
    if (address.user === '') return { flaw: 'names no user', remedy: 'write it before the host, user@host' };
    if (address.database === '' || address.database.includes('/'))
      return { flaw: 'names no database', remedy: 'write it after the host, host/database' };
    return address;
  } catch {
    return { flaw: 'has an invalid percent-encoding', remedy: 'write a percent sign as %25' };
  }
}

/**
 * Settings of the session, which must not depend on the defaults of the server. Texts are UTF-8. A query means the same
 * everywhere, and CHAR columns are not padded. No result is cut. No transaction stays open: it would block changes of a
 * table.
 */
export const SESSION = [
  'names utf8mb4',
  "sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'",
  'autocommit = 1',
  'sql_select_limit = 18446744073709551615',
  'group_concat_max_len = 1048576',
] as const;

/** The statement that asks for the variables that `limitsOf` reads. */
export const LIMITS = `show variables where variable_name in
  ('max_allowed_packet', 'max_statement_time', 'max_execution_time', 'wsrep_on')`;

/** The most bytes that a server accepts in one packet, and the settings that limit each statement to `timeoutMs`. */
export function limitsOf(
  rows: readonly (readonly unknown[])[],
  timeoutMs: number,
): { readonly packetBytes: number; readonly settings: string } {
  const variables = new Map(rows.map(([name, value]) => [name, value]));
  const packetBytes = Number(variables.get('max_allowed_packet'));
  if (!(packetBytes > 0)) throw new StoreError('the server has no valid max_allowed_packet: is it MySQL or MariaDB?');
  const isMariadb = variables.has('max_statement_time');
  const limit = isMariadb ? `max_statement_time = ${timeoutMs / 1_000}` : `max_execution_time = ${timeoutMs}`;
  // A Galera node must first apply the changes that the other nodes have already made. With dirty reads it does not wait
  // for them, and answers although it is cut off from the others (wsrep_must_sync_wait in wsrep_mysqld.cc).
  const settings = `${limit}, wsrep_sync_wait = 1, wsrep_dirty_reads = OFF`;
  return { packetBytes, settings: variables.get('wsrep_on') === 'ON' ? settings : limit };
}

/**
 * The statement for one question, with `?` for each parameter, in the order of `unionValues`. A union of one would cost
 * several times as much: its rows go through a table in a file if a column is a TEXT.
 */
export function textOf(query: Query): string {
  return query.parts.join('?');
}

const FEW = 4; // an absence and its canaries are three questions

/** The size of a union for so many questions: if they are not few, a power of two, to prepare few statements. */
export function sizeFor(questions: number): number {
  return questions <= FEW ? questions : 2 ** Math.ceil(Math.log2(questions));
}

/** One statement with a query `size` times. */
export function unionOf(query: Query, size: number): string {
  const text = textOf(query);
  return Array.from({ length: size }, (_, at) => numbered(text, at)).join(' union all ');
}

/** The values of a union of `size` branches. Branches beyond the last question repeat it. */
export function unionValues(query: Query, size: number, questions: readonly Question[]): string[] {
  return Array.from({ length: size }, (_, at) => {
    const question = questions[Math.min(at, questions.length - 1)] as Question;
    return query.parameters.map((parameter) => valueOf(question, parameter));
  }).flat();
}

/** The rows of a union, for each question its own. Throws StoreError if a row belongs to no question. */
export function rowsByQuestion(
  columns: readonly string[],
  rows: readonly (readonly unknown[])[],
  { asked, size }: { readonly asked: number; readonly size: number },
): readonly (readonly Row[])[] {
  const found = Array.from({ length: asked }, (): Row[] => []);
  const place = columns.indexOf(NUMBER);
  for (const row of rows) {
    const at = row[place];
    if (typeof at !== 'number' || !Number.isInteger(at) || at < 0 || at >= size)
      throw new StoreError(`the server returned a row for question ${String(at)}, but the query has ${size}`);
    found[at]?.push(rowFrom(columns, row));
  }
  return found;
}

/** Columns that name what was found. A query must select at least one column of each list. */
const NAMES: Readonly<Record<QueryName, readonly (readonly string[])[]>> = {
  mailbox: [['address', 'local']],
  folder: [['address', 'local'], ['folder']],
  alias: [['address', 'local']],
  // Questions have domains as A-labels, which a loose comparison does not confuse with others.
  domain: [],
  key: [['key']],
};

/**
 * Throws StoreError if a query does not select the name of what it found (MySQL may compare loosely), or two columns of
 * one name, which a union may not have.
 */
export function checkNames(name: QueryName, columns: readonly string[]): void {
  const twice = columns.find((column, at) => columns.indexOf(column) < at);
  if (twice !== undefined)
    throw new StoreError(
      saying`the query ${plain(name)} selects two columns ${plain(twice)}: name them, or leave one out`,
    );
  for (const names of NAMES[name]) {
    if (names.some((each) => columns.includes(each))) continue;
    throw new StoreError(
      `the query ${name} must also select the column ${names.join(' or ')}: ` +
        'this database may find joé for joe, and smmap can only compare the name if the query selects it',
    );
  }
}

/** At least as many bytes as the packet has. Each value has a length of up to 9 bytes, and a type. */
export function sizeOf(values: readonly string[]): number {
  return values.reduce((sum, value) => sum + Buffer.byteLength(value) + 12, 1_024);
}

// Errors of a question whose SQLSTATE does not say so: characters that a column's character set lacks, bad regular
// expressions.
const OF_QUESTION = new Set([1_139, 1_153, 1_267, 1_270, 1_271, 1_300, 1_301, 1_366, 1_977, 3_854]);

/** Those of them that are about characters. */
const OF_CHARACTERS = new Set([1_267, 1_270, 1_271, 1_300, 1_366, 1_977, 3_854]);

/** An error, as the server describes it. */
export interface Refusal {
  readonly errno?: number | undefined;
  readonly sqlState?: string | undefined;
}

/**
 * Whether the values of a prepared statement made it fail. 22 is "data exception", 21000 is a subquery with several
 * rows.
 */
export function isOfQuestion({ errno, sqlState }: Refusal): boolean {
  return OF_QUESTION.has(errno ?? 0) || /^(?:22|21000)/.test(sqlState ?? '');
}

/** Whether it failed because a column cannot hold a character of the values. */
export function isUnstorable({ errno }: Refusal): boolean {
  return OF_CHARACTERS.has(errno ?? 0);
}
