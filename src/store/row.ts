import { foldLocal } from '../address/address.ts';
import { parseDomain } from '../address/domain.ts';
import { plain, saying } from '../message.ts';
import { type Answer, DEFAULT_CLASS, type Entry, type Question, STATES, type State } from '../vocabulary.ts';
import { QuestionError } from './store.ts';

/** What a server returns for one entry, by its columns, fields or attributes. */
export type Row = Readonly<Record<string, unknown>>;

/** Makes a row of the values of these columns. The first one is at `start`. */
export function rowFrom(columns: readonly string[], values: readonly unknown[], start = 0): Row {
  const row: Record<string, unknown> = {};
  for (const [at, column] of columns.entries()) row[column] = values[start + at];
  return row;
}

/**
 * The answer to a question, from the rows of a database. These columns count: `value`; `state` (without it, a row is
 * active); and the names `address`, `local`, `domain`, `folder`, `key`. A row that names something else than the
 * question is ignored, whatever the collation of the database found equal. Several rows of an alias are several
 * targets; of anything else the first active row counts. A mailbox that is not active is answered with its state;
 * anything else that is disabled is absent. Throws QuestionError if a row cannot be read, or if nothing but a name without
 * a valid domain was found: `fred@example.org ` may be who was asked for.
 */
export function answerOf(question: Question, rows: readonly Row[]): Answer {
  const entries = rows.filter((row) => isNamed(row, question)).map(entryOf);
  const active = entries.filter(({ state }) => state === 'active');
  const [first] = active;
  if (entries.length === 0) throwIfUnreadable(question, rows);
  if (question.about === 'mailbox') return first ?? entries[0] ?? null;
  if (first === undefined) {
    if (entries.some(({ state }) => state === 'overquota')) throw new QuestionError('only a mailbox can be over quota');
    return null;
  }
  if (question.about === 'alias') return { ...first, value: [...new Set(active.map(({ value }) => value))].join(', ') };
  return question.about === 'domain' && first.value === '' ? { ...first, value: DEFAULT_CLASS } : first;
}

function throwIfUnreadable({ about }: Question, rows: readonly Row[]): void {
  if (about === 'key') return;
  for (const { address, domain } of rows) {
    const name = domain ?? (about === 'domain' ? null : address);
    if (typeof name !== 'string' || parseDomain(name.slice(name.lastIndexOf('@') + 1)) !== null) continue;
    throw new QuestionError(saying`found ${JSON.stringify(name)}, which has no valid domain: correct it in the store`);
  }
}

/** Whether a row names what a question asks for. A row without a name does. */
export function isNamed(row: Row, question: Question): boolean {
  const names = (column: string, asked: string, same: (a: string, b: string) => boolean): boolean => {
    const name = row[column];
    return name === undefined || (name !== null && same(textOf(name), asked));
  };
  if (question.about === 'key') return names('key', question.key, question.exact ? sameNormalized : sameFolded);
  if (question.about === 'domain') return names('domain', question.domain, sameDomain);
  const sameLocal = question.exact ? sameNormalized : sameFolded;
  const sameAddress = (address: string): boolean => {
    const at = address.lastIndexOf('@');
    return sameLocal(address.slice(0, at), question.local) && sameDomain(address.slice(at + 1), question.domain);
  };
  if (!names('address', '', sameAddress)) return false;
  if (!names('local', question.local, sameLocal) || !names('domain', question.domain, sameDomain)) return false;
  if (question.about === 'alias' || question.folder === null) return true;
  return names('folder', question.folder, question.anyCase ? sameFolded : sameNormalized);
}

/** A database may keep decomposed letters, as some systems write them, and find them equal. */
function sameNormalized(a: string, b: string): boolean {
  return a === b || a.normalize('NFC') === b.normalize('NFC');
}

function sameFolded(a: string, b: string): boolean {
  return a === b || foldLocal(a) === foldLocal(b);
}

function sameDomain(a: string, b: string): boolean {
  return a === b || parseDomain(a) === b;
}

function entryOf(row: Row): Entry {
  return { value: textOf(row['value'] ?? ''), state: stateOf(row['state']) };
}

function stateOf(state: unknown): State {
  if (state === undefined) return 'active';
  if ((STATES as readonly unknown[]).includes(state)) return state as State;
  throw new QuestionError(
    saying`the column state is ${JSON.stringify(state)}; it must be one of ${plain(STATES.join(', '))}`,
  );
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  if (value instanceof Uint8Array) return new TextDecoder('utf-8', { fatal: true }).decode(value);
  throw new QuestionError(saying`a column is ${JSON.stringify(value)}, which is not a text`);
}
