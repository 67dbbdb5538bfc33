import { plain, saying } from '../../../message.ts';
import type { Answer, Question, State } from '../../../vocabulary.ts';
import { answerOf, isNamed, type Row } from '../../row.ts';
import { QuestionError, StoreError } from '../../store.ts';
import { type JsonPath, isObject, valuesAt } from './path.ts';

/** Where the fields of an entry stand in the JSON of an application. */
export interface Fields {
  /** Several values are several targets. null: the value is "". */
  readonly value: Field<string> | null;
  /** null: active. */
  readonly state: Field<State> | null;
  /** An entry is over quota if `used` is not below `limit`. A limit of 0 is none. */
  readonly quota: { readonly used: JsonPath; readonly limit: JsonPath } | null;
  /** What names the entry. One of the names of each column must be what was asked. */
  readonly identity: readonly Name[];
}

/** A field, and what its values mean. Without `values` they mean themselves. */
export interface Field<T> {
  readonly path: JsonPath;
  readonly values: Readonly<Record<string, T>> | null;
}

/** Where a name of an entry stands. What does not begin with `prefix` names something else. */
export interface Name {
  readonly column: 'address' | 'local' | 'domain' | 'folder' | 'key';
  readonly path: JsonPath;
  readonly prefix: string | null;
}

/** The fields of a row, if the server sends rows as smmap has them. */
const OWN_FIELDS: readonly string[] = ['value', 'state', 'address', 'local', 'domain', 'folder', 'key'];

/** The rows in the JSON of an application. Without `fields`: an object with fields of ours, or an array of them. */
export function rowsOf(content: unknown, fields: Fields | null): readonly Row[] {
  if (fields === null) {
    const items = [content].flat();
    if (items.length === 0) throw new StoreError('the content is an empty array, and absent does not say so');
    return items.map(ownRowOf);
  }
  const { value, state, quota, identity } = fields;
  const row: Row = {
    ...(value !== null && { value: textsAt(content, value).join(', ') }),
    ...(state !== null && { state: singleAt(content, state) }),
  };
  const full = quota !== null && isFull(content, quota) && (row['state'] ?? 'active') === 'active';
  return named({ ...row, ...(full && { state: 'overquota' }) }, content, identity);
}

/**
 * The answer to a question, from the rows of a response. If all rows name something else, even in another case, the
 * server has found something else than what was asked, and that is no absence.
 */
export function answerFor(question: Question, rows: readonly Row[]): Answer {
  const loose = question.about === 'mailbox' ? { ...question, folder: null } : question;
  const inAnyCase = loose.about === 'domain' ? loose : { ...loose, exact: false };
  if (!rows.some((row) => isNamed(row, inAnyCase)))
    throw new QuestionError('the server replied about something else than what it was asked for');
  return answerOf(question, rows);
}

/** Reads an object as a row: it must have a field of ours, and those must be texts. `{"error":"..."}` is not a row. */
function ownRowOf(item: unknown): Row {
  if (!isObject(item)) throw new StoreError('the content is not a JSON object');
  const fields = Object.entries(item).filter(([name]) => OWN_FIELDS.includes(name));
  if (fields.length === 0) throw new StoreError(`the content has none of the fields ${OWN_FIELDS.join(', ')}`);
  for (const [name, value] of fields) {
    if (typeof value !== 'string') throw new StoreError(`the field ${name} is not a string`);
  }
  return Object.fromEntries(fields);
}

/** A row with each combination of the names of its entry, one for each column. */
function named(row: Row, content: unknown, identity: readonly Name[]): readonly Row[] {
  const columns = new Set(identity.map(({ column }) => column));
  return [...columns].reduce<readonly Row[]>(
    (rows, column) => {
      const own = identity.filter((name) => name.column === column);
      const names = own.flatMap(({ path, prefix }) =>
        valuesAt(content, path)
          .filter((each) => typeof each === 'string')
          .flatMap((each) => withoutPrefix(each, prefix ?? '')),
      );
      const where = own.map(({ path }) => path.text).join(', ');
      if (names.length === 0) throw new StoreError(`the content has no text at ${where}`);
      return rows.flatMap((each) => names.map((name) => withColumn(each, column, name)));
    },
    [row],
  );
}

function withColumn(row: Row, column: string, value: string): Row {
  return { ...row, [column]: value };
}

function withoutPrefix(name: string, prefix: string): readonly string[] {
  const begins = name.slice(0, prefix.length).toLowerCase() === prefix.toLowerCase();
  return begins ? [name.slice(prefix.length)] : [];
}

/** The texts of a field. There must be one, and none may be empty. */
function textsAt(content: unknown, { path, values }: Field<string>): readonly string[] {
  const where = path.text;
  const found = valuesAt(content, path);
  if (found.length === 0) throw new StoreError(`the content has nothing at ${where}`);
  return found.map((each) => meaningOf(each, path, values));
}

/** The text of a field that has exactly one. */
function singleAt(content: unknown, field: Field<string>): string {
  const texts = textsAt(content, field);
  const where = field.path.text;
  if (texts.length > 1) throw new StoreError(`the content has several values at ${where}`);
  return texts[0] as string;
}

/** What a value means. Only `values` can give a meaning to a number, and to true and false. */
function meaningOf(value: unknown, { text: where }: JsonPath, values: Field<string>['values']): string {
  if (values === null) {
    if (typeof value === 'string' && value !== '') return value;
    throw new StoreError(`the content has something else than a text at ${where}`);
  }
  const word = typeof value === 'string' ? value : JSON.stringify(value);
  if (Object.hasOwn(values, word)) return values[word] as string;
  throw new QuestionError(saying`the field ${plain(where)} is ${JSON.stringify(value)}, which values does not mention`);
}

function isFull(content: unknown, { used, limit }: NonNullable<Fields['quota']>): boolean {
  const most = numberAt(content, limit);
  return most > 0 && numberAt(content, used) >= most;
}

function numberAt(content: unknown, path: JsonPath): number {
  const [value, ...more] = valuesAt(content, path);
  const where = path.text;
  if (typeof value !== 'number' || more.length > 0) throw new StoreError(`the content has no number at ${where}`);
  return value;
}
