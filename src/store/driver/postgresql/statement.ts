import { withoutBrackets } from '../../../endpoint.ts';
import type { Answer, Question } from '../../../vocabulary.ts';
import { QUERIES, type QueryName, groupByQuery, queryNameOf, valueOf } from '../../asked.ts';
import { isActive } from '../../luck.ts';
import { type Row, rowFrom } from '../../row.ts';
import type { UrlFlaw } from '../../server.ts';
import { QuestionError, ReplicaError, StoreError, toStoreError, UnstorableError } from '../../store.ts';
import { replace } from '../../template.ts';
import { answerBy } from '../sql/answer.ts';
import type { Queries, Query } from '../sql/query.ts';

/** Where a server is. A host that begins with a slash is the folder of a Unix socket. */
export interface Address {
  readonly host: string;
  readonly port: number;
  /** null: the name of the account that runs smmap. */
  readonly user: string | null;
  readonly database: string | null;
}

const PORT = 5432; // the default of PostgreSQL

/**
 * Reads `postgresql://user@host:5432/database` or `postgresql:///database?host=/run/postgresql`. A password or a
 * parameter such as sslmode is a flaw: it has its own key in the configuration, and to ignore it would make the
 * connection less safe than intended.
 */
export function parseUrl(text: string): Address | UrlFlaw {
  if (!/^postgres(?:ql)?:\/\//.test(text) || !URL.canParse(text))
    return { flaw: 'is not of the form postgresql://user@host/database' };
  const url = new URL(text);
  if (url.password !== '')
    return { flaw: 'has a password', remedy: 'put it into a file, and name that file in password_file' };
  const { host, port, user, ...others }: Partial<Record<string, string>> = Object.fromEntries(url.searchParams);
  const [other] = Object.keys(others);
  if (other !== undefined) {
    return {
      flaw: `has the parameter ${other}, but only host, port and user are allowed`,
      remedy: 'remove it (TLS has the key tls)',
    };
  }
  try {
    const number = Number(port || url.port || PORT);
    if (!Number.isInteger(number) || number < 1 || number > 65_535)
      return { flaw: 'has a port that is not a number from 1 to 65535' };
    return {
      host: host || withoutBrackets(decodeURIComponent(url.hostname)) || 'localhost',
      port: number,
      user: user || decodeURIComponent(url.username) || null,
      database: decodeURIComponent(url.pathname.slice(1)) || null,
    };
  } catch {
    return { flaw: 'has an invalid percent-encoding', remedy: 'write a percent sign as %25' };
  }
}

/**
 * The first statement of a session: it changes settings, and asks what the server is. With other settings of the
 * account we could miss rows that exist. Row security hides rows without an error, unless it is off. With a higher
 * isolation, a statement that waited for a TRUNCATE has a snapshot from before it, in which the table is empty. pg
 * itself sets UTF-8. A pooler may run a statement in the session of somebody else, without these settings: so `session`
 * is the mark of ours.
 */
export function setUp(timeoutMs: number, session: string): string {
  const settings = {
    row_security: 'off',
    default_transaction_isolation: 'read committed',
    default_transaction_read_only: 'on',
    statement_timeout: String(timeoutMs),
    jit: 'off', // to compile a query takes longer than any lookup
    plan_cache_mode: 'force_generic_plan', // a custom plan costs time for each batch, and may read whole tables
    enable_seqscan: 'off', // with `limit 1` a scan looks cheap, but an absent name makes it read the whole table
  };
  const values = Object.entries(settings).map(([name, value]) => `('${name}', '${value}')`);
  return `select pg_is_in_recovery() as standby, current_setting('server_encoding') as encoding,
    current_setting('server_version_num')::int as version, set_config('${SESSION}', '${session}', false) as session,
    (select count(set_config(name, value, false)) from (values ${values.join(', ')}) as ours (name, value)
      join pg_settings using (name)) as known`;
}

const SESSION = 'smmap.session';

/** The columns about the server that each statement has. */
function columnsOf(session: string): string {
  return `pg_is_in_recovery() as smmap_standby, current_setting('${SESSION}', true) = '${session}' as smmap_own`;
}

/**
 * Asks the server which type it gives to each parameter of a query. With these types, `column = :local` compares as
 * with a quoted text: it ignores case if the column is a citext. `texts` has the numbers of the parameters that we
 * declare as texts.
 */
export function typesStatement(query: Query, texts: ReadonlySet<number>): string {
  const asked = replace(query, (_, at) => `$${at + 1}${texts.has(at + 1) ? '::text' : ''}`);
  return `prepare smmap_types as ${asked};
    select format_type(type, -1) as type from pg_prepared_statements,
      unnest(parameter_types) with ordinality as types (type, n) where name = 'smmap_types' order by n;
    deallocate smmap_types`;
}

/**
 * A query for one question: $1, $2 and so on are its parameters, each once. Its columns are those of a batch, so its row
 * is read as a row of a batch of one. It costs PostgreSQL less than a batch, which reads arrays.
 */
export function loneStatement(query: Query, types: readonly string[], session = ''): string {
  const names = parametersOf(query);
  const asked = replace(query, (parameter, at) => `($${names.indexOf(parameter) + 1}::text::${types[at]})`);
  return `select 1 as smmap_n, ${columnsOf(session)}, smmap_r.*
    from (select) smmap_q
    left join (select true as smmap_found, smmap_u.* from (${asked}) smmap_u) smmap_r on true`;
}

/**
 * A query for many questions: $1, $2 and so on are arrays, one for each parameter. Each row has `smmap_n`, the number
 * of its question (from 1), `smmap_standby` and `smmap_own`. A question without a result has one row, in which `smmap_found` is
 * null. `before` is the number of parameters of the earlier batches in the same statement.
 */
export function batchStatement(query: Query, types: readonly string[], before = 0, session = ''): string {
  const names = parametersOf(query);
  const asked = replace(query, (parameter, at) => `(smmap_q.${quoted(parameter)}::${types[at]})`);
  return `select smmap_q.smmap_n, ${columnsOf(session)}, smmap_r.*
    from unnest(${names.map((_, at) => `$${before + at + 1}::text[]`).join(', ')}) with ordinality
      as smmap_q (${names.map(quoted).join(', ')}, smmap_n)
    left join lateral (select true as smmap_found, smmap_u.* from (${asked}) smmap_u) smmap_r on true`;
}

/**
 * Joins batches of several queries into one statement, because only one statement sees one moment. A transaction with a
 * snapshot does not: a table that is truncated and filled again after its begin is empty in it. Each row belongs to one
 * batch.
 */
export function joinedStatement(batches: readonly string[]): string {
  const [first = '', ...others] = batches.map((batch, at) => `(${batch}) smmap_${at}`);
  return `select * from ${first}${others.map((other) => ` full join ${other} on false`).join('')}`;
}

/** The rows of each batch of a statement. The columns of a batch begin with `smmap_n`. */
export function rowsOfEach(columns: readonly string[], rows: readonly (readonly unknown[])[]): readonly Row[][] {
  const starts = columns.flatMap((column, at) => (column === 'smmap_n' ? [at] : []));
  return starts.map((start, nth) => {
    const names = columns.slice(start, starts[nth + 1]);
    return rows.filter((row) => row[start] !== null).map((row) => rowFrom(names, row, start));
  });
}

/** The values of $1, $2 and so on for a batch of these questions. */
export function batchValues(query: Query, questions: readonly Question[]): string[] {
  return parametersOf(query).map((parameter) => arrayOf(questions.map((question) => valueOf(question, parameter))));
}

/** The result of one question: its answer, or why there is none. */
export type Verdict = Answer | StoreError;

/** Questions for one query. */
export interface Group {
  readonly name: QueryName;
  readonly query: Query | null;
  readonly questions: readonly Question[];
  verdicts: readonly Verdict[];
}

/** Whether this is one question alone. */
export function isAlone(groups: readonly Group[]): boolean {
  return groups.length === 1 && groups[0]?.questions.length === 1;
}

/** Groups questions by their query. If the store has no query for them, the verdicts say so. */
export function groupsOf(questions: readonly Question[], queries: Queries): readonly Group[] {
  if (questions.length === 1) return [groupOf(queryNameOf(questions[0] as Question), questions, queries)];
  const places = groupByQuery(questions);
  // Always in this order: there are fewer statements to prepare, and a program that locks both tables in this order
  // cannot deadlock with us.
  return QUERIES.flatMap((name) => {
    const asked = places.get(name)?.map((at) => questions[at] as Question) ?? [];
    return asked.length === 0 ? [] : [groupOf(name, asked, queries)];
  });
}

function groupOf(name: QueryName, questions: readonly Question[], queries: Queries): Group {
  const query = queries[name] ?? null;
  const missing = `the store has no query for ${name}: add one, ${name} = "select ..."`;
  const verdicts = query === null ? questions.map(() => new QuestionError(missing)) : [];
  return { name, query, questions, verdicts };
}

/** The verdicts of all groups, in the order of the questions. */
export function inOrder(questions: readonly Question[], groups: readonly Group[]): readonly Verdict[] {
  if (groups.length === 1) return (groups[0] as Group).verdicts;
  const verdicts = new Map(
    groups.flatMap((group) => group.questions.map((question, at) => [question, group.verdicts[at] as Verdict])),
  );
  return questions.map((question) => verdicts.get(question) as Verdict);
}

/** The verdict on each question of a batch, from the rows. */
export function verdictsOf(
  query: Pick<Query, 'leavesOut'>,
  questions: readonly Question[],
  rows: readonly Row[],
  doubt: StoreError | null,
  isBytes: boolean,
): readonly Verdict[] {
  const byQuestion = questions.map((): Row[] => []);
  for (const row of rows) byQuestion[Number(row['smmap_n']) - 1]?.push(row);
  return questions.map((question, at) => verdictOf(query, question, byQuestion[at] as Row[], doubt, isBytes));
}

/**
 * The verdict on one question, from its rows. An absence counts only without a doubt (doubt.ts), and if the database has
 * an encoding or the question is ASCII. What is not active counts only on a server that does not lag.
 */
export function verdictOf(
  query: Pick<Query, 'leavesOut'>,
  question: Question,
  rows: readonly Row[],
  doubt: StoreError | null,
  isBytes: boolean,
): Verdict {
  if (rows.length === 0) return new StoreError('PostgreSQL returned no row for a question of the batch');
  const found = rows.filter((row) => row['smmap_found'] !== null);
  if (found.some((row) => row['smmap_found'] !== true))
    return new StoreError('PostgreSQL returned a row that is neither found nor absent');
  try {
    const answer = answerBy(query, question, found);
    if (answer !== null && (isActive(answer) || !(doubt instanceof ReplicaError))) return answer;
  } catch (cause) {
    return toStoreError(cause);
  }
  if (doubt !== null) return doubt;
  if (isBytes && /[^\0-\x7f]/.test(Object.values(question).join(''))) {
    return new QuestionError(
      'not found, but without an encoding (SQL_ASCII) a name beyond ASCII is uncertain: use a UTF8 database',
    );
  }
  return null;
}

/**
 * Whether the values of a question caused an error with this SQLSTATE: a text that is not a number or that the
 * database's encoding lacks (22), a subquery with two rows (21), a recursion that is too deep (54), an error that a
 * function raised (P0).
 */
function isOfQuestion(sqlstate: string | undefined): boolean {
  return /^(?:21|22|54|P0)/.test(sqlstate ?? '');
}

const UNTRANSLATABLE = '22P05'; // the database's encoding lacks a character

/** The class of our error for a SQLSTATE. */
export function errorOf(sqlstate: string | undefined): typeof StoreError {
  if (sqlstate === UNTRANSLATABLE) return UnstorableError;
  return isOfQuestion(sqlstate) ? QuestionError : StoreError;
}

/** The parameters of a query, each once: the columns of the questions. */
export function parametersOf(query: Query): readonly Query['parameters'][number][] {
  return [...new Set(query.parameters)];
}

function quoted(name: string): string {
  return `"${name}"`; // in quotes, since the parameter `table` is a keyword of SQL
}

/** An array of texts, as PostgreSQL reads it. */
function arrayOf(texts: readonly string[]): string {
  return `{${texts.map((text) => `"${text.replace(/["\\]/g, String.raw`\$&`)}"`).join(',')}}`;
}
