import { plain, saying } from '../../../message.ts';
import type { Answer, Question, State } from '../../../vocabulary.ts';
import { type QueryName, queryNameOf, valueOf } from '../../asked.ts';
import { isActive } from '../../luck.ts';
import { answerOf, type Row } from '../../row.ts';
import { QuestionError, ReplicaError, StoreError } from '../../store.ts';
import { describe } from './connection.ts';
import type { Filter } from './filter.ts';
import type { LdapEntry, Scope, SearchRequest } from './message.ts';
import type { Result } from './wire.ts';

/**
 * An attribute that names what was found. One value of one of the attributes for a column must be what was asked for.
 */
export interface LdapName {
  readonly column: 'address' | 'local' | 'domain' | 'folder' | 'key';
  readonly attribute: string;
  /** The text before the name in a value, compared in any case. A value without it names something else. */
  readonly prefix: string | null;
}

/** How an attribute tells the state. An entry without the attribute is active. */
export type LdapState =
  /** By its values, compared in any case. A value that is not listed is an error. */
  | { readonly attribute: string; readonly values: Readonly<Record<string, State>> }
  /** By one bit of a number. */
  | { readonly attribute: string; readonly bit: number; readonly state: State };

/** How to search for one kind of question. */
export interface LdapSearch {
  /** null: the base of the store. */
  readonly base: string | null;
  readonly scope: Scope;
  readonly filter: Filter;
  /** The attribute with the value of the entry. For an alias, each value of the attribute is a target. */
  readonly value: string | null;
  readonly state: LdapState | null;
  /** null: everything that the filter finds is what was asked for. */
  readonly identity: readonly LdapName[] | null;
  /**
   * Beginnings of DNs, in lower case: parts of the directory without mailboxes. A referral to such a part raises no
   * doubt.
   */
  readonly empty?: readonly string[];
}

/** The searches of a store, by the questions that they answer. */
export type LdapSearches = Readonly<Partial<Record<QueryName, LdapSearch>>>;

/** What a search needs to know about its server. */
export interface SearchOptions {
  readonly base: string;
  readonly searches: LdapSearches;
  readonly timeoutMs: number;
  readonly certain: boolean;
  readonly domainScope: boolean;
}

const MOST_ENTRIES = 100; // no question has so many; with a filter that is too wide the server must not send everything

/** The search for a question, or null if the store has none for it. */
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
    domainScope: options.domainScope,
    timeLimitSeconds: Math.ceil(options.timeoutMs / 1_000), // smmap does not wait longer
  };
}

/**
 * Result codes of a server that cannot answer any question now. Every other code may be the fault of the search: lldap
 * says 53 of a filter that it does not support, kanidm 21 of an attribute that it does not know.
 */
const OUTAGES: ReadonlySet<number> = new Set([1, 2, 3, 8, 13, 51, 52, 80]);

/**
 * The answer to a question, from the result of its search. An absence counts only after success, and only if no part of
 * the directory is on another server. An active entry counts even if the search failed after it. Throws QuestionError
 * if only this search is in doubt.
 */
export function answerTo(question: Question, result: Result, { searches, certain }: SearchOptions): Answer {
  const search = searches[queryNameOf(question)] as LdapSearch;
  const { code, text, entries, refers } = result;
  const answer = answerOf(
    question,
    entries.flatMap((entry) => rowsOf(search, question, entry)),
  );
  const elsewhere = refers.find((urls) => urls.length === 0 || !urls.every((url) => isEmpty(url, search.empty ?? [])));
  const complete = code === 0 && elsewhere === undefined && entries.every(({ cut }) => !cut);
  if (complete && answer !== null && (certain || isActive(answer))) return answer;
  if (!complete && answer?.state === 'active' && question.about !== 'alias') return answer;
  if (code !== 0) {
    const failure = describe(code, text);
    throw OUTAGES.has(code) ? new StoreError(failure) : new QuestionError(failure);
  }
  if (elsewhere !== undefined) {
    throw new QuestionError(
      saying`a part of the directory is on another server, ${elsewhere[0] ?? 'without a name'}: ${plain(
        'set base to an entry below which this server has everything, or set url to a server that has everything ' +
          '(Active Directory: its global catalog, port 3268 or 3269, if that has the attributes of the filter, or ' +
          'domain_scope = true, if all mailboxes are in this domain)',
      )}`,
    );
  }
  if (!complete)
    throw new QuestionError('the server did not send all the values of an attribute: use one with fewer values');
  if (!certain) throw new ReplicaError('not found or not active on a replica, which may lag: list its provider in url');
  const hidden = entries.find((entry) => hidesName(search, question, entry));
  if (hidden !== undefined) {
    throw new QuestionError(
      saying`${hidden.dn} was found by a name that the account may not read: let it read all attributes of the filter`,
    );
  }
  return null;
}

/** Whether an entry may have been found by an attribute that it does not show: an account may search by it, not read it. */
function hidesName(search: LdapSearch, question: Question, entry: LdapEntry): boolean {
  const names = search.identity ?? [];
  const isShown = names.some(({ column, attribute, prefix }) =>
    textsOf(entry, attribute)
      .flatMap((text) => withoutPrefix(text, prefix))
      .some((text) => looseOf(text).startsWith(looseOf(valueOf(question, column === 'folder' ? 'detail' : column)))),
  );
  return (
    !isShown &&
    names.some(({ attribute }) => isAskedBy(search.filter, attribute) && textsOf(entry, attribute).length === 0)
  );
}

/** A name as a directory may compare it. */
function looseOf(text: string): string {
  return text.trim().replaceAll(/\s+/g, ' ').toLowerCase();
}

function isAskedBy(filter: Filter, attribute: string): boolean {
  if (filter.kind === 'and' || filter.kind === 'or') return filter.filters.some((each) => isAskedBy(each, attribute));
  return filter.kind === 'equal' && filter.attribute.toLowerCase() === attribute.toLowerCase();
}

/** Whether a URL leads to a part of the directory without mailboxes. */
function isEmpty(url: string, empty: readonly string[]): boolean {
  const [, dn = ''] = /^ldaps?:\/\/[^/]*\/([^?]*)/i.exec(url) ?? [];
  return empty.some((beginning) => dn.toLowerCase().startsWith(`${beginning},`));
}

/** The rows of an entry: one for each combination of a name and a value. */
function rowsOf(search: LdapSearch, question: Question, entry: LdapEntry): Row[] {
  const state = search.state === null ? 'active' : stateOf(search.state, entry);
  const values = search.value === null ? [''] : textsOf(entry, search.value);
  let rows: Row[] = values.map((value) => ({ value, state }));
  if (rows.length === 0) {
    // A mailbox or a domain may have no value. An alias or a key without a value means nothing.
    if (question.about === 'alias' || question.about === 'key') {
      throw new QuestionError(
        saying`${entry.dn} has no ${plain(search.value as string)} that the account may read: check the entry, and the rights of the account`,
      );
    }
    rows = [{ value: '', state }];
  }
  const columns = new Set((search.identity ?? []).map(({ column }) => column));
  for (const column of columns) {
    const names = (search.identity ?? []).filter((name) => name.column === column);
    const all = names.map(({ attribute, prefix }) => ({ prefix, found: textsOf(entry, attribute) }));
    const texts = all.flatMap(({ prefix, found }) => found.flatMap((text) => withoutPrefix(text, prefix)));
    if (all.every(({ found }) => found.length === 0)) {
      const wanted = names.map(({ attribute }) => attribute).join(' or ');
      throw new QuestionError(
        saying`${entry.dn} has no ${plain(wanted)} that the account may read: check identity, and the rights of the account`,
      );
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
    if (!Number.isInteger(bits))
      throw new QuestionError(
        saying`${entry.dn} has ${plain(rule.attribute)} ${text}, which is not a number: correct the entry`,
      );
    return (bits & rule.bit) === 0 ? 'active' : rule.state;
  }
  const found = Object.entries(rule.values).find(([value]) => value.toLowerCase() === text.toLowerCase());
  if (found === undefined)
    throw new QuestionError(
      saying`${entry.dn} has ${plain(rule.attribute)} ${text}: add this value to values of state, with its state`,
    );
  return found[1];
}

function textsOf(entry: LdapEntry, attribute: string): string[] {
  const [name = ''] = attribute.toLowerCase().split(';');
  return (entry.attributes.get(name) ?? []).map((value) => {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value);
    } catch (cause) {
      throw new QuestionError(
        saying`${entry.dn} has a value of ${plain(attribute)} that is not UTF-8: correct the entry`,
        {
          cause,
        },
      );
    }
  });
}
