import { formatOwner } from '../record/owner.ts';
import { type Answer, NOBODY, type Question } from '../vocabulary.ts';

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

/** A question in words, for `smmap explain`. */
export function wordsOf(question: Question): string {
  if (question.about === 'domain') return `domain ${question.domain}`;
  if (question.about === 'key') return `key ${question.key} of the table ${question.table}${spelling(question)}`;
  const { about, local, domain } = question;
  const owner = formatOwner(local, domain);
  if (about === 'alias') return `${local === NOBODY ? 'catch-all' : 'alias'} ${owner}${spelling(question)}`;
  if (question.folder === null) return `mailbox ${owner}${spelling(question)}`;
  return `folder ${question.folder} of ${owner}${spelling(question)}${question.anyCase ? ' (in any case)' : ''}`;
}

function spelling({ exact }: { readonly exact: boolean }): string {
  return exact ? ' (in this spelling)' : '';
}

/** An answer in words. */
export function wordsOfAnswer(answer: Answer): string {
  if (answer === null) return 'absent';
  const found = answer.state === 'active' ? 'found' : `found, ${answer.state}`;
  return answer.value === '' ? found : `${found}: ${answer.value}`;
}
