import type { Flaw } from '../../../address/address.ts';
import { withoutBrackets } from '../../../endpoint.ts';
import type { Answer, Question } from '../../../vocabulary.ts';
import { type Row, answerOf, rowFrom } from '../../row.ts';
import { QuestionError, StoreError, toStoreError, UnstorableError } from '../../store.ts';
import { replace } from '../../template.ts';
import { QUERIES, type QueryName, groupByQuery, valueOf } from '../../asked.ts';
import type { Queries, Query } from '../sql/query.ts';

/** Where a server is; a host that begins with a slash is the folder of a Unix socket. */
export interface Address {
  readonly host: string;
  readonly port: number;
  /** null: the account that asks. */
  readonly user: string | null;
  readonly database: string | null;
}

const PORT = 5432; // PostgreSQL's own

/**
 * Reads `postgresql://user@host:5432/database` or `postgresql:///database?host=/run/postgresql`. What would have a place of
 * its own in the configuration, such as a password or sslmode, is a flaw: nothing that was meant to protect is passed over.
 */
export function parseUrl(text: string): Address | Flaw {
  if (!/^postgres(?:ql)?:\/\//.test(text) || !URL.canParse(text)) return { flaw: 'is no postgresql://host/database' };
  const url = new URL(text);
  if (url.password !== '') return { flaw: 'has a password; give it by itself' };
  const { host, port, user, ...others }: Partial<Record<string, string>> = Object.fromEntries(url.searchParams);
  const [other] = Object.keys(others);
  if (other !== undefined) return { flaw: `has ${other}, and may have only host, port and user` };
  try {
    const number = Number(port || url.port || PORT);
    if (!Number.isInteger(number) || number < 1 || number > 65_535) return { flaw: 'has a port that is none' };
    return {
      host: host || withoutBrackets(decodeURIComponent(url.hostname)) || 'localhost',
      port: number,
      user: user || decodeURIComponent(url.username) || null,
      database: decodeURIComponent(url.pathname.slice(1)) || null,
    };
  } catch {
    return { flaw: 'has a percent sign that escapes nothing' };
  }
}

/**
 * What a session is told first, and says of itself. An account could have other settings, with which what is there would
 * not be found: where row security is not off it hides rows without an error, and where isolation is higher, who waited for a
 * TRUNCATE has a snapshot from before it, in which the table is empty. pg itself says that we speak UTF-8.
 */
export function setUp(timeoutMs: number): string {
  const settings = {
    row_security: 'off',
    default_transaction_isolation: 'read committed',
    default_transaction_read_only: 'on',
    statement_timeout: String(timeoutMs),
    jit: 'off', // compiling takes longer than any lookup
    plan_cache_mode: 'force_generic_plan', // a plan for a full batch may read whole tables, and each batch would be planned
    enable_seqscan: 'off', // with `limit 1` a table looks cheap to read, and is read to its end where there is nothing
  };
  const values = Object.entries(settings).map(([name, value]) => `('${name}', '${value}')`);
  return `select pg_is_in_recovery() as standby, current_setting('server_encoding') as encoding,
    (select count(set_config(name, value, false)) from (values ${values.join(', ')}) as ours (name, value)
      join pg_settings using (name)) as known`;
}

/**
 * Asks the server of which types it takes the parameters of a query to be, when they are given as such, each where it stands. With
 * them, `column = :local` compares as it does with a text in quotes: without regard to case, if the column is a citext.
 */
export function typesStatement(query: Query, texts: ReadonlySet<number>): string {
  const asked = replace(query, (_, at) => `$${at + 1}${texts.has(at + 1) ? '::text' : ''}`);
  return `prepare smmap_types as ${asked};
    select format_type(type, -1) as type from pg_prepared_statements,
      unnest(parameter_types) with ordinality as types (type, n) where name = 'smmap_types' order by n;
    deallocate smmap_types`;
}

/**
 * A query for many questions at once: $1 and so on are arrays, one for each parameter. Every row has `smmap_n`, the
 * number of the question from 1, and `smmap_standby`; a question without an answer has one row where `smmap_found` is null.
 * `before` is how many parameters other batches of the same statement have.
 */
export function batchStatement(query: Query, types: readonly string[], before = 0): string {
  const names = parametersOf(query);
  const asked = replace(query, (parameter, at) => `(smmap_q.${quoted(parameter)}::${types[at]})`);
  return `select smmap_q.smmap_n, pg_is_in_recovery() as smmap_standby, smmap_r.*
    from unnest(${names.map((_, at) => `$${before + at + 1}::text[]`).join(', ')}) with ordinality
      as smmap_q (${names.map(quoted).join(', ')}, smmap_n)
    left join lateral (select true as smmap_found, smmap_u.* from (${asked}) smmap_u) smmap_r on true`;
}

/**
 * Batches of several queries as one statement, since only that sees one moment: in a transaction of several statements, with a
 * snapshot from its begin, a table that is truncated and filled again meanwhile is empty. Each row is of one batch.
 */
export function joinedStatement(batches: readonly string[]): string {
  const [first = '', ...others] = batches.map((batch, at) => `(${batch}) smmap_${at}`);
  return `select * from ${first}${others.map((other) => ` full join ${other} on false`).join('')}`;
}

/** The rows of each batch of a statement, whose columns begin with `smmap_n`. */
export function rowsOfEach(columns: readonly string[], rows: readonly (readonly unknown[])[]): readonly Row[][] {
  const starts = columns.flatMap((column, at) => (column === 'smmap_n' ? [at] : []));
  return starts.map((start, nth) => {
    const names = columns.slice(start, starts[nth + 1]);
    return rows.filter((row) => row[start] !== null).map((row) => rowFrom(names, row, start));
  });
}

/** What $1 and so on are in a batch of these questions. */
export function batchValues(query: Query, questions: readonly Question[]): readonly (readonly string[])[] {
  return parametersOf(query).map((parameter) => questions.map((question) => valueOf(question, parameter)));
}

export type Verdict = Answer | StoreError;

/** Questions that one query answers. */
export interface Group {
  readonly name: QueryName;
  readonly query: Query | null;
  readonly questions: readonly Question[];
  verdicts: readonly Verdict[];
}

/** Questions by their queries; where there is none, the verdicts say so. */
export function groupsOf(questions: readonly Question[], queries: Queries): readonly Group[] {
  const places = groupByQuery(questions);
  // In one order, so that there are few statements, and who locks both tables meets us in no other one.
  return QUERIES.flatMap((name) => {
    const asked = places.get(name)?.map((at) => questions[at] as Question) ?? [];
    if (asked.length === 0) return [];
    const query = queries[name] ?? null;
    const verdicts = query === null ? asked.map(() => new QuestionError(`there is no query for a ${name}`)) : [];
    return [{ name, query, questions: asked, verdicts }];
  });
}

/** The verdicts on questions that were grouped. */
export function inOrder(questions: readonly Question[], groups: readonly Group[]): readonly Verdict[] {
  const verdictOf = new Map(
    groups.flatMap((group) => group.questions.map((question, at) => [question, group.verdicts[at] as Verdict])),
  );
  return questions.map((question) => verdictOf.get(question) as Verdict);
}

/**
 * What the rows of a batch say of each question. That something is not there is certain only if the server is, and where the
 * database knows its encoding, or the question is ASCII.
 */
export function verdictsOf(
  questions: readonly Question[],
  rows: readonly Row[],
  isCertain: boolean,
  isBytes: boolean,
): readonly Verdict[] {
  const byQuestion = questions.map((): Row[] => []);
  for (const row of rows) byQuestion[Number(row['smmap_n']) - 1]?.push(row);
  return questions.map((question, at) => {
    const mine = byQuestion[at] as Row[];
    if (mine.length === 0) return new StoreError('PostgreSQL has left out a question');
    const found = mine.filter((row) => row['smmap_found'] === true);
    try {
      const answer = answerOf(question, found);
      if (answer !== null) return answer;
    } catch (cause) {
      return toStoreError(cause);
    }
    if (!isCertain) return new QuestionError('a standby is not certain of what it does not find');
    if (isBytes && /[^\0-\x7f]/.test(Object.values(question).join(''))) {
      return new QuestionError('a database whose encoding is SQL_ASCII is not certain of what is not ASCII');
    }
    return null;
  });
}

/**
 * Whether an error of this SQLSTATE comes from what was asked: a text that is no number, or that the encoding of the database
 * does not have (22), a subquery with two rows (21), too deep a recursion (54), whatever a function raised (P0).
 */
function isOfQuestion(sqlstate: string | undefined): boolean {
  return /^(?:21|22|54|P0)/.test(sqlstate ?? '');
}

const UNTRANSLATABLE = '22P05'; // into the encoding of the database

/** What an error of this SQLSTATE is to us. */
export function errorOf(sqlstate: string | undefined): typeof StoreError {
  if (sqlstate === UNTRANSLATABLE) return UnstorableError;
  return isOfQuestion(sqlstate) ? QuestionError : StoreError;
}

/** Each of its parameters once: the columns of the questions. */
function parametersOf(query: Query): readonly Query['parameters'][number][] {
  return [...new Set(query.parameters)];
}

function quoted(name: string): string {
  return `"${name}"`; // "table" is a word of SQL
}
