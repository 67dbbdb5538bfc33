import type { Question } from '../../../vocabulary.ts';
import { type Parameter, valueOf } from '../../asked.ts';
import { type Luck, createLuck, isActive } from '../../luck.ts';
import { type Row, rowFrom } from '../../row.ts';
import type { Query } from '../sql/query.ts';
import { type Database, doubtOf } from './doubt.ts';
import { type Place, type Prepared, createPrepared } from './prepared.ts';
import {
  batchStatement,
  batchValues,
  type Group,
  isAlone,
  joinedStatement,
  loneStatement,
  parametersOf,
  rowsOfEach,
  type Verdict,
  verdictOf,
  verdictsOf,
} from './statement.ts';

/** What is known of a connection that answers questions. */
export interface Session {
  readonly place: Place;
  /** The types of a query's parameters, in their order. */
  readonly typesOf: (query: Query) => Promise<readonly string[]>;
  /** By the names of their queries. */
  readonly statements: Map<string, Prepared>;
  /** Those for one question. */
  readonly lone: Map<Query, { readonly statement: Prepared; readonly parameters: readonly Parameter[] }>;
  /** Whether the server was a primary, and no standby, when the previous statement ran. */
  isPrimary: boolean;
  /** Whether the database has no encoding (SQL_ASCII): its texts are bytes. */
  readonly isBytes: boolean;
  readonly database: Database;
  /** The mark of this session, which its statements look for. */
  readonly mark: string;
  readonly luck: Luck;
}

const WORTH = 0.9; // the first SELECT alone saves a sixth of the CPU time of both, so few tries may be in vain

/** Begins to ask on a connection. */
export function beginSession(
  given: Pick<Session, 'place' | 'typesOf' | 'isBytes' | 'database' | 'mark'>,
  isPrimary: boolean,
): Session {
  return { ...given, statements: new Map(), lone: new Map(), isPrimary, luck: createLuck(WORTH) };
}

/** Asks the questions of all groups: in one statement if they must be answered as of one moment (`atOnce`). */
export async function askOn(session: Session, groups: readonly Group[], atOnce: boolean): Promise<void> {
  const [group] = groups as [Group];
  if (atOnce && !isAlone(groups)) await askAll(session, groups);
  else group.verdicts = await askGroup(session, group);
}

/** Asks the questions of one query. Its first SELECT may be enough for some of them. */
async function askGroup(session: Session, group: Group): Promise<readonly Verdict[]> {
  const { luck } = session;
  const { name, questions } = group;
  const { first } = group.query as Query;
  if (first === undefined || !luck.tries(name)) return askBy(session, group);
  const verdicts = await askBy(session, { ...group, query: first }, ' first');
  const others = questions.filter((_, at) => !isActive(verdicts[at]));
  luck.note(name, questions.length - others.length, questions.length);
  if (others.length === 0) return verdicts;
  const rest = [...(await askBy(session, { ...group, questions: others }))];
  return verdicts.map((verdict) => (isActive(verdict) ? verdict : (rest.shift() as Verdict)));
}

/** Asks the questions of one query by one statement. `part` is the rest of its name. */
async function askBy(session: Session, group: Group, part = ''): Promise<readonly Verdict[]> {
  const { name, query, questions } = group;
  const [question] = questions as readonly [Question];
  if (questions.length === 1) return [await askAlone(session, `${name} alone${part}`, query as Query, question)];
  await askAll(session, [group], part);
  return group.verdicts;
}

/** Asks one question by a statement of this name. */
async function askAlone(session: Session, name: string, query: Query, question: Question): Promise<Verdict> {
  const { place, lone, database, isPrimary, isBytes } = session;
  let asked = lone.get(query);
  if (asked === undefined) {
    const text = loneStatement(query, await session.typesOf(query), session.mark);
    asked = { statement: createPrepared(name, text, place), parameters: parametersOf(query) };
    lone.set(query, asked);
  }
  const values = asked.parameters.map((parameter) => valueOf(question, parameter));
  const result = await asked.statement.run(values);
  const rows = result.rows.map((row) => rowFrom(result.columns, row));
  noteStandby(session, rows);
  return verdictOf(query, question, rows, doubtOf(query, database, isPrimary && session.isPrimary, rows), isBytes);
}

/** Asks the questions of all groups in one statement. */
async function askAll(session: Session, groups: readonly Group[], part = ''): Promise<void> {
  const { place, statements, database, isPrimary, isBytes } = session;
  const name = groups.map((group) => group.name).join(' ') + part;
  let statement = statements.get(name);
  if (statement === undefined) {
    statement = createPrepared(name, await statementOf(session, groups), place);
    statements.set(name, statement);
  }
  const values = groups.flatMap(({ query, questions }) => batchValues(query as Query, questions));
  const { columns, rows } = await statement.run(values);
  const rowsOfGroups = rowsOfEach(columns, rows);
  noteStandby(session, rowsOfGroups.flat());
  groups.forEach((group, at) => {
    const query = group.query as Query;
    const found = rowsOfGroups[at] as readonly Row[];
    const doubt = doubtOf(query, database, isPrimary && session.isPrimary, found);
    group.verdicts = verdictsOf(query, group.questions, found, doubt, isBytes);
  });
}

/** A standby that was promoted during a statement may have read old data. It is certain from the next statement on. */
function noteStandby(session: Session, rows: readonly Row[]): void {
  session.isPrimary = rows.every((row) => row['smmap_standby'] === false);
}

async function statementOf({ typesOf, mark }: Session, groups: readonly Group[]): Promise<string> {
  const batches: string[] = [];
  let parameters = 0;
  for (const { query } of groups) {
    batches.push(batchStatement(query as Query, await typesOf(query as Query), parameters, mark));
    parameters += parametersOf(query as Query).length;
  }
  return batches.length === 1 ? (batches[0] as string) : joinedStatement(batches);
}
