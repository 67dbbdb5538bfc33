import type { Question } from '../vocabulary.ts';
import type { MapKind, StoreConfig } from './config.ts';

/** Whether a store can be asked such a question; what it says is another matter. */
export function canAnswer(store: StoreConfig, question: Question): boolean {
  if (store.driver === 'embedded' || question.about === 'domain') return true;
  return store.records.some((record) =>
    record.about === 'key' && question.about === 'key'
      ? record.table === question.table
      : record.about === question.about,
  );
}

/** What a map asks its stores, by way of an example of each kind. */
export function questionsOf(map: MapKind): readonly Question[] {
  switch (map.kind) {
    case 'mailbox':
      return map.options.aliases ? [MAILBOX, ALIAS] : [MAILBOX];
    case 'alias': {
      const { catchAll, aliasDomains } = map.options;
      return catchAll === 'unknown' || aliasDomains.size > 0 ? [ALIAS, DOMAIN, MAILBOX] : [ALIAS, DOMAIN];
    }
    case 'domain':
      return [DOMAIN];
    case 'table':
      return [{ about: 'key', table: map.options.table, key: 'smmap.invalid', exact: false }];
  }
}

const NOWHERE = { local: 'postmaster', domain: 'smmap.invalid', exact: false } as const; // RFC 2606: nobody has it
const MAILBOX: Question = { about: 'mailbox', ...NOWHERE, folder: null, anyCase: false };
const ALIAS: Question = { about: 'alias', ...NOWHERE };
const DOMAIN: Question = { about: 'domain', domain: NOWHERE.domain };
