import { kindOf } from '../store/guard/canary.ts';
import { queryNameOf } from '../store/asked.ts';
import type { Question } from '../vocabulary.ts';
import type { MapKind, StoreConfig } from './config.ts';

/** Whether a store can be asked such a question; what it says is another matter. */
export function canAnswer(store: StoreConfig, question: Question): boolean {
  switch (store.driver) {
    case 'embedded':
      return true;
    case 'memory':
      return (
        question.about === 'domain' ||
        store.records.some((record) =>
          record.about === 'key' && question.about === 'key'
            ? record.table === question.table
            : record.about === question.about,
        )
      );
    case 'postgresql':
    case 'mysql':
    case 'sqlite':
      return store.queries[queryNameOf(question)] !== undefined;
    case 'ldap':
      return store.searches[queryNameOf(question)] !== undefined;
    case 'redis':
      return store.layouts[queryNameOf(question)] !== undefined;
    case 'http':
      return store.requests[queryNameOf(question)] !== undefined;
  }
}

/** Whether only a canary tells an absence from a store that was emptied, or that is asked in the wrong place. */
export function needsCanary(store: StoreConfig, question: Question): boolean {
  const blind =
    store.driver === 'http' || (store.driver === 'redis' && store.layouts[queryNameOf(question)]?.kind === 'key');
  return blind && !store.guards.canaries.has(kindOf(question));
}

/** Whether a canary would tell an absence from a table that was emptied, or a search base that hides all, and there is none. */
export function lacksCanary(store: StoreConfig, question: Question): boolean {
  switch (store.driver) {
    case 'postgresql':
    case 'mysql':
    case 'ldap':
      return !store.guards.canaries.has(kindOf(question));
    case 'sqlite':
      return !store.canaries.has(kindOf(question));
    case 'embedded':
    case 'memory':
    case 'redis':
    case 'http':
      return false; // it knows by itself whether it was ever filled, or `needsCanary` insists
  }
}

/** Whether a store can only say that something is there, to a question that needs a value: a key of a table, or an alias. */
export function lacksValue(store: StoreConfig, question: Question): boolean {
  if (question.about !== 'key' && question.about !== 'alias') return false;
  const name = queryNameOf(question);
  switch (store.driver) {
    case 'postgresql':
    case 'mysql':
    case 'sqlite': {
      const text = store.queries[name]?.parts.join(' ') ?? '*';
      return /^select\b/i.test(text) && !/\bvalue\b|\*/i.test(text);
    }
    case 'ldap':
      return store.searches[name]?.value === null;
    case 'redis':
      return store.layouts[name]?.kind === 'set';
    case 'embedded':
    case 'memory':
    case 'http':
      return false; // each record of ours has a value; what a program says nobody knows beforehand
  }
}

/** What a map asks its stores, by way of an example of each kind. */
export function questionsOf(map: MapKind): readonly Question[] {
  switch (map.kind) {
    case 'mailbox': {
      const { aliases, policy, sharedUser } = map.options;
      const mailbox = policy === 'ignore' && sharedUser === null ? [MAILBOX] : [MAILBOX, FOLDER];
      return aliases ? [...mailbox, ALIAS] : mailbox;
    }
    case 'alias': {
      const { catchAll, aliasDomains } = map.options;
      return catchAll === 'unknown' || aliasDomains.size > 0 ? [ALIAS, DOMAIN, MAILBOX] : [ALIAS, DOMAIN];
    }
    case 'domain':
      return [DOMAIN];
    case 'table':
      return [keyOf(map.options.table)];
  }
}

/** What a map asks only those of its stores that can answer: it does without where none can. */
export function wishesOf(map: MapKind): readonly Question[] {
  return map.kind === 'mailbox' && map.options.aliases ? [DOMAIN] : [];
}

/** Something to ask a store that it can answer, to see whether it does. */
export function probeOf(store: StoreConfig): Question {
  return [MAILBOX, ALIAS, DOMAIN, keyOf('smmap')].find((question) => canAnswer(store, question)) ?? FOLDER;
}

const NOWHERE = { local: 'postmaster', domain: 'smmap.invalid', exact: false } as const; // RFC 2606: nobody has it
const MAILBOX: Question = { about: 'mailbox', ...NOWHERE, folder: null, anyCase: false };
const FOLDER: Question = { ...MAILBOX, folder: 'smmap' };
const ALIAS: Question = { about: 'alias', ...NOWHERE };
const DOMAIN: Question = { about: 'domain', domain: NOWHERE.domain };

function keyOf(table: string): Question {
  return { about: 'key', table, key: 'smmap.invalid', exact: false };
}
