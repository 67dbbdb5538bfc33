import type { Question } from '../../../vocabulary.ts';
import { type Parameter, valueOf } from '../../asked.ts';
import { type Luck, createLuck, isActive } from '../../luck.ts';
import { type Row, rowFrom } from '../../row.ts';
import type { Query } from '../sql/query.ts';
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
  readonly luck: Luck;
}

const WORTH = 0.9; // the first SELECT alone saves a sixth of the CPU time of both, so few tries may be in vain

/** Begins to ask on a connection. */
export function beginSession(given: Pick<Session, 'place' | 'typesOf' | 'isBytes'>, isPrimary: boolean): Session {
  return { ...given, statements: new Map(), lone: new Map(), isPrimary, luck: createLuck(WORTH) };
}

/** Asks the questions of all groups in one statement. */
export async function askOn(session: Session, groups: readonly Group[]): Promise<void> {
  const [group] = groups as [Group];
  if (isAlone(groups)) group.verdicts = [await askAlone(session, group, group.questions[0] as Question)];
  else await askAll(session, groups);
}

/** Asks one question. The first SELECT of its query may be enough. */
async function askAlone(session: Session, { name, query }: Group, question: Question): Promise<Verdict> {
  const { luck } = session;
  const { first } = query as Query;
  if (first !== undefined && luck.tries(name)) {
    const verdict = await askBy(session, `${name} alone first`, first, question);
    const isEnough = isActive(verdict);
    luck.note(name, isEnough ? 1 : 0, 1);
    if (isEnough) return verdict;
  }
  return askBy(session, `${name} alone`, query as Query, question);
}

/** Asks one question by a statement of this name. */
async function askBy(session: Session, name: string, query: Query, question: Question): Promise<Verdict> {
  const { place, lone, isPrimary, isBytes } = session;
  let asked = lone.get(query);
  if (asked === undefined) {
    const text = loneStatement(query, await session.typesOf(query));
    asked = { statement: createPrepared(name, text, place), parameters: parametersOf(query) };
    lone.set(query, asked);
  }
  const values = asked.parameters.map((parameter) => valueOf(question, parameter));
  const result = await asked.statement.run(values);
  const rows = result.rows.map((row) => rowFrom(result.columns, row));
  noteStandby(session, rows);
  return verdictOf(question, rows, isPrimary && session.isPrimary, isBytes);
}

/** Asks the questions of all groups in one statement. */
async function askAll(session: Session, groups: readonly Group[]): Promise<void> {
  const { place, statements, isPrimary, isBytes } = session;
  const name = groups.map((group) => group.name).join(' ');
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
    const certain = isPrimary && session.isPrimary;
    group.verdicts = verdictsOf(group.questions, rowsOfGroups[at] as readonly Row[], certain, isBytes);
  });
}

/** A standby that was promoted during a statement may have read old data. It is certain from the next statement on. */
function noteStandby(session: Session, rows: readonly Row[]): void {
  session.isPrimary = rows.every((row) => row['smmap_standby'] === false);
}

async function statementOf({ typesOf }: Session, groups: readonly Group[]): Promise<string> {
  const batches: string[] = [];
  let parameters = 0;
  for (const { query } of groups) {
    batches.push(batchStatement(query as Query, await typesOf(query as Query), parameters));
    parameters += parametersOf(query as Query).length;
  }
  return batches.length === 1 ? (batches[0] as string) : joinedStatement(batches);
}
