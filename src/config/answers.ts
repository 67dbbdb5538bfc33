import { ALIAS, DOMAIN, FOLDER, keyOf, MAILBOX } from '../example.ts';
import type { Question } from '../vocabulary.ts';
import type { MapKind } from './config.ts';

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
