import { distance } from 'fastest-levenshtein';
import type { Issue, Mistake, Schema } from './type.ts';
import { descriptionAt, keysAt } from './walk.ts';

export type Table = Record<string, unknown>;

/** Reads values of a configuration, and collects everything that is wrong with them in `mistakes`. */
export interface Checker {
  readonly mistakes: Mistake[];
  /** What a value comes to; undefined where it has mistakes. `others` are keys that the same table may have, and that another type reads. */
  readonly check: <T>(
    type: Schema<T>,
    value: unknown,
    path: readonly string[],
    others?: readonly string[],
  ) => T | undefined;
  /** What a table names in one of its keys, such as its driver, with its name; undefined where there is no such thing. */
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
      const result = type.safeParse(value);
      if (result.success) return result.data;
      mistakes.push(...result.error.issues.flatMap((issue) => toMistakes(issue, type, value, path, others)));
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
  const own = issue.code === 'invalid_union' ? issue.errors.flat().find(({ code }) => code === 'custom') : undefined;
  if (own !== undefined) return toMistakes({ ...own, path: issue.path }, type, value, path, others);
  const within = issue.path.map(String);
  const key = formatKey([...path, ...within.filter((part) => part !== '')]);
  if (issue.code === 'unrecognized_keys') {
    const known = [...(within.length === 0 ? others : []), ...keysAt(type, within)];
    return issue.keys.map((name) => unknownKey([...path, ...within], name, known));
  }
  const given = valueAt(value, within);
  const remedy = `give ${descriptionAt(type, within) ?? 'what the annotated smmap.toml shows'}`;
  if (issue.code === 'custom') {
    const better: unknown = issue.params?.['remedy'];
    return [{ key, reason: issue.message, remedy: typeof better === 'string' ? better : remedy }];
  }
  return [{ key, reason: given === undefined ? 'is missing' : `is ${show(given)}`, remedy }];
}

/** A key that nothing reads, with the known one that is most like it. */
export function unknownKey(path: readonly string[], name: string, known: readonly string[]): Mistake {
  const near = known.filter((other) => other.startsWith(name) || distance(other, name) <= Math.max(2, name.length / 3));
  const nearest = near.toSorted((a, b) => distance(a, name) - distance(b, name))[0];
  const remedy = nearest === undefined ? `known here are ${known.join(', ')}` : `did you mean ${nearest}?`;
  return { key: formatKey([...path, name]), reason: 'is not known', remedy };
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Table | undefined)?.[key], value);
}

/** A key as it is named in a mistake: `store.people.url`, with quotes where TOML needs them. */
export function formatKey(path: readonly string[]): string {
  return path.map((part) => (/^[\w-]+$/.test(part) ? part : JSON.stringify(part))).join('.');
}

export function show(value: unknown): string {
  return JSON.stringify(value);
}

export function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
