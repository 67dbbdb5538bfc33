import { answerOf, type Row } from '../../row.ts';
import { type QueryName, queryNameOf } from '../../asked.ts';
import { QuestionError, StoreError } from '../../store.ts';
import type { Answer, Question, State } from '../../../vocabulary.ts';
import { describe } from './connection.ts';
import type { Filter } from './filter.ts';
import type { LdapEntry, Scope, SearchRequest } from './message.ts';
import type { Result } from './wire.ts';

/** Which attribute names what was found: some value of one of those for the same column has to be what was asked for. */
export interface LdapName {
  readonly column: 'address' | 'local' | 'domain' | 'folder' | 'key';
  readonly attribute: string;
  /** What stands before the name in a value, in any case; values without it name something else. */
  readonly prefix: string | null;
}

/** How an attribute tells the state. Without it an entry is active. */
export type LdapState =
  /** By its values, in any case; one that is not listed is an error. */
  | { readonly attribute: string; readonly values: Readonly<Record<string, State>> }
  /** By a bit of a number. */
  | { readonly attribute: string; readonly bit: number; readonly state: State };

export interface LdapSearch {
  /** Null: the base of the store. */
  readonly base: string | null;
  readonly scope: Scope;
  readonly filter: Filter;
  /** What the value of the entry is; each of its values is a target of an alias. */
  readonly value: string | null;
  readonly state: LdapState | null;
  /** Null: whatever the filter finds is what was asked for. */
  readonly identity: readonly LdapName[] | null;
  /** Beginnings of the names of parts of the directory that hold nobody, in small letters: that they are elsewhere is no doubt. */
  readonly empty?: readonly string[];
}

export type LdapSearches = Readonly<Partial<Record<QueryName, LdapSearch>>>;

export interface SearchOptions {
  readonly base: string;
  readonly searches: LdapSearches;
  readonly timeoutMs: number;
  readonly certain: boolean;
}

const MOST_ENTRIES = 100; // nothing has as many; a filter that is too wide need not bring us the whole directory

/** What to search for a question; null where there is no search for it. */
export function requestOf(question: Question, options: SearchOptions): SearchRequest | null {
  const search = options.searches[queryNameOf(question)];
  if (search === undefined) return null;
  const attributes = [
    ...(search.identity ?? []).map(({ attribute }) => attribute),
    ...(search.value === null ? [] : [search.value]),
    ...(search.state === null ? [] : [search.state.attribute]),
  ];
  return {
    base: search.base ?? options.base,
    scope: search.scope,
    filter: search.filter,
    question,
    attributes: [...new Set(attributes)],
    sizeLimit: attributes.length === 0 ? 1 : MOST_ENTRIES,
    timeLimitSeconds: Math.ceil(options.timeoutMs / 1_000), // nobody waits for it any longer
  };
}

/** Of no use to any question, so that another server should be asked; every other code may be due to the search. */
const OUTAGES: ReadonlySet<number> = new Set([1, 2, 3, 8, 13, 51, 52, 53, 80]);

/**
 * What a result says of a question. Only success is certain of an absence, and only where nothing was left to another
 * server; an active entry counts whatever came after it. Throws QuestionError for a doubt about this search alone.
 */
export function answerTo(question: Question, result: Result, { searches, certain }: SearchOptions): Answer {
  const search = searches[queryNameOf(question)] as LdapSearch;
  const { code, text, entries, refers } = result;
  const answer = answerOf(
    question,
    entries.flatMap((entry) => rowsOf(search, question, entry)),
  );
  const elsewhere = refers.find((urls) => !urls.every((url) => isEmpty(url, search.empty ?? [])));
  const complete = code === 0 && elsewhere === undefined && entries.every(({ cut }) => !cut);
  if (complete && answer !== null) return answer;
  if (!complete && answer?.state === 'active' && question.about !== 'alias') return answer;
  if (code !== 0) {
    const failure = describe(code, text);
    throw OUTAGES.has(code) ? new StoreError(failure) : new QuestionError(failure);
  }
  if (elsewhere !== undefined) {
    throw new QuestionError(
      `a part of the directory is on another server, ${elsewhere[0] ?? 'of no name'}: give a base = further down, below which ` +
        'there is no such part, or a server that has all of it (Active Directory: its global catalog, port 3268 or 3269, ' +
        'where that has the attributes of the filter)',
    );
  }
  if (!complete) throw new QuestionError('not all the values of an attribute came');
  if (!certain) throw new QuestionError('it was not found on a server that may lag behind');
  return null;
}

/** Whether a URL leads to a part of the directory that holds nobody. */
function isEmpty(url: string, empty: readonly string[]): boolean {
  const [, dn = ''] = /^ldaps?:\/\/[^/]*\/([^?]*)/i.exec(url) ?? [];
  return empty.some((beginning) => dn.toLowerCase().startsWith(`${beginning},`));
}

/** An entry as rows: one for each way to name it, and for each of its values. */
function rowsOf(search: LdapSearch, question: Question, entry: LdapEntry): Row[] {
  const state = search.state === null ? 'active' : stateOf(search.state, entry);
  const values = search.value === null ? [''] : textsOf(entry, search.value);
  let rows: Row[] = values.map((value) => ({ value, state }));
  if (rows.length === 0) {
    // A mailbox or a domain may have nothing to say; the others are nothing but what they say.
    if (question.about === 'alias' || question.about === 'key') {
      throw new QuestionError(`${entry.dn} has no ${search.value} that we may read`);
    }
    rows = [{ value: '', state }];
  }
  const columns = new Set((search.identity ?? []).map(({ column }) => column));
  for (const column of columns) {
    const names = (search.identity ?? []).filter((name) => name.column === column);
    const texts = names.flatMap(({ attribute, prefix }) =>
      textsOf(entry, attribute).flatMap((text) => withoutPrefix(text, prefix)),
    );
    if (names.every(({ attribute }) => textsOf(entry, attribute).length === 0)) {
      const wanted = names.map(({ attribute }) => attribute).join(' or ');
      throw new QuestionError(`${entry.dn} was found, and has no ${wanted} that we may read`);
    }
    rows = texts.flatMap((text) => rows.map((row) => ({ ...row, [column]: text })));
  }
  return rows;
}

function withoutPrefix(text: string, prefix: string | null): string[] {
  if (prefix === null) return [text];
  return text.slice(0, prefix.length).toLowerCase() === prefix.toLowerCase() ? [text.slice(prefix.length)] : [];
}

function stateOf(rule: LdapState, entry: LdapEntry): State {
  const [text] = textsOf(entry, rule.attribute);
  if (text === undefined) return 'active';
  if ('bit' in rule) {
    const bits = Number(text);
    if (!Number.isInteger(bits)) throw new QuestionError(`${entry.dn} has ${rule.attribute} ${text}, and no number`);
    return (bits & rule.bit) === 0 ? 'active' : rule.state;
  }
  const found = Object.entries(rule.values).find(([value]) => value.toLowerCase() === text.toLowerCase());
  if (found === undefined)
    throw new QuestionError(`${entry.dn} has ${rule.attribute} ${text}, which is no known state`);
  return found[1];
}

function textsOf(entry: LdapEntry, attribute: string): string[] {
  const [name = ''] = attribute.toLowerCase().split(';');
  return (entry.attributes.get(name) ?? []).map((value) => {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value);
    } catch (cause) {
      throw new QuestionError(`${entry.dn} has ${attribute} that is no UTF-8`, { cause });
    }
  });
}
