import type { Question } from '../vocabulary.ts';

/** What a store can be asked. Each is the name of the query, search or request that answers it. */
export const QUERIES = ['mailbox', 'folder', 'alias', 'domain', 'key'] as const;
export type QueryName = (typeof QUERIES)[number];

/** The parameters that each query may have, such as `:local`. All are texts. */
export const PARAMETERS = {
  mailbox: ['local', 'domain', 'address'],
  folder: ['local', 'domain', 'address', 'detail'],
  alias: ['local', 'domain', 'address'],
  domain: ['domain'],
  key: ['table', 'key'],
} as const satisfies Record<QueryName, readonly string[]>;
export type Parameter = (typeof PARAMETERS)[QueryName][number];

/** Gives each query the same value. */
export function forEachQuery<T>(same: T): Readonly<Record<QueryName, T>> {
  return Object.fromEntries(QUERIES.map((name) => [name, same])) as Record<QueryName, T>;
}

/** Which query answers a question. */
export function queryNameOf(question: Question): QueryName {
  return question.about === 'mailbox' && question.folder !== null ? 'folder' : question.about;
}

/** The positions of questions in their list, by the query that answers them. */
export function groupByQuery(questions: readonly Question[]): ReadonlyMap<QueryName, readonly number[]> {
  return placesBy(questions, queryNameOf);
}

/** The positions of things in their list, by the key of each. */
export function placesBy<T, K>(things: readonly T[], keyOf: (thing: T) => K): ReadonlyMap<K, readonly number[]> {
  const groups = new Map<K, number[]>();
  things.forEach((thing, at) => {
    const key = keyOf(thing);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [at]);
    else group.push(at);
  });
  return groups;
}

/** The text of a parameter. `:address` is `local@domain` without quotes; for a catch-all it is `@domain`. */
export function valueOf(question: Question, parameter: Parameter): string {
  if (question.about === 'domain') return question.domain;
  if (question.about === 'key') return parameter === 'table' ? question.table : question.key;
  if (parameter === 'local') return question.local;
  if (parameter === 'domain') return question.domain;
  if (parameter === 'address') return `${question.local}@${question.domain}`;
  return question.about === 'mailbox' ? (question.folder ?? '') : '';
}
