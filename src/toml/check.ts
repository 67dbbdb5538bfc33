import { distance } from 'fastest-levenshtein';
import { withoutSecrets } from './secret.ts';
import type { Issue, Mistake, Schema } from './type.ts';
import { descriptionAt, keysAt } from './walk.ts';

export type Table = Record<string, unknown>;

/** Reads the values of a configuration, and collects all mistakes in them. */
export interface Checker {
  readonly mistakes: Mistake[];
  /** Reads a value. Undefined if it has mistakes. `others`: further keys of this table, which another type reads. */
  readonly check: <T>(
    type: Schema<T>,
    value: unknown,
    path: readonly string[],
    others?: readonly string[],
  ) => T | undefined;
  /** Reads a name in a table, such as its driver: the name, and what is known under it. Undefined if nothing is. */
  readonly named: <T>(
    known: Readonly<Record<string, T>>,
    key: string,
    table: unknown,
    path: readonly string[],
    otherwise?: string,
  ) => readonly [string, T] | undefined;
}

export function createChecker(): Checker {
  const mistakes: Mistake[] = [];
  return {
    mistakes,
    check(type, value, path, others = []) {
      const { value: read, issues } = type.read(value);
      if (issues.length === 0) return read;
      mistakes.push(...issues.flatMap((issue) => toMistakes(issue, type, value, path, others)));
      return undefined;
    },
    named<T>(
      known: Readonly<Record<string, T>>,
      key: string,
      table: unknown,
      path: readonly string[],
      otherwise?: string,
    ) {
      const name = (isTable(table) ? table[key] : undefined) ?? otherwise;
      if (typeof name === 'string' && Object.hasOwn(known, name)) return [name, known[name] as T] as const;
      const reason = name === undefined ? 'is missing' : `is ${show(name)}`;
      const remedy = `give one of ${Object.keys(known).join(', ')}`;
      mistakes.push({ key: formatKey([...path, key]), reason, remedy });
      return undefined;
    },
  };
}

function toMistakes(
  issue: Issue,
  type: Schema,
  value: unknown,
  path: readonly string[],
  others: readonly string[],
): Mistake[] {
  if (issue.kind === 'none of these') {
    const within = (inner: Issue): Mistake[] =>
      toMistakes({ ...inner, path: [...issue.path, ...inner.path] }, type, value, path, others);
    const told = issue.alternatives.flat().find(({ kind }) => kind === 'told');
    const near = told === undefined ? nearestOf(issue.alternatives) : [told];
    if (near !== undefined) return near.flatMap(within);
  }
  const key = formatKey([...path, ...issue.path.filter((part) => part !== '')]);
  if (issue.kind === 'unknown keys') {
    const known = [...(issue.path.length === 0 ? others : []), ...keysAt(type, issue.path)];
    return issue.keys.map((name) => unknownKey([...path, ...issue.path], name, known));
  }
  const remedy = `give ${descriptionAt(type, issue.path) ?? 'what the annotated smmap.toml shows'}`;
  if (issue.kind === 'told') return [{ key, reason: issue.reason, remedy: issue.remedy ?? remedy }];
  const given = valueAt(value, issue.path);
  return [{ key, reason: given === undefined ? 'is missing' : `is ${show(given)}`, remedy }];
}

/** The mistakes of the one alternative of a union whose kind of value was given. */
function nearestOf(alternatives: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const near = alternatives.filter((issues) =>
    issues.every(({ path, kind }) => path.length > 0 || kind === 'unknown keys'),
  );
  return near.length === 1 ? near[0] : undefined;
}

/** The mistake for an unknown key. Its remedy names the most similar known key. */
export function unknownKey(path: readonly string[], name: string, known: readonly string[]): Mistake {
  const near = known.filter((other) => other.startsWith(name) || distance(other, name) <= Math.max(2, name.length / 3));
  const nearest = near.toSorted((a, b) => distance(a, name) - distance(b, name))[0];
  const remedy = nearest === undefined ? `the keys here are ${known.join(', ')}` : `did you mean ${nearest}?`;
  return { key: formatKey([...path, name]), reason: 'is not known', remedy };
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Table | undefined)?.[key], value);
}

/** A key as a mistake names it: `store.people.url`, with quotes if TOML needs them. */
export function formatKey(path: readonly string[]): string {
  return path.map((part) => (/^[\w-]+$/.test(part) ? part : JSON.stringify(part))).join('.');
}

/** A value of the file, for a message. */
export function show(value: unknown): string {
  return withoutSecrets(JSON.stringify(value));
}

export function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
