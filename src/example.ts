import type { Question } from './vocabulary.ts';

/** An example of each kind of question, about an address that does not exist. */
const NOWHERE = { local: 'postmaster', domain: 'smmap.invalid', exact: false } as const; // .invalid: RFC 2606
export const MAILBOX: Question = { about: 'mailbox', ...NOWHERE, folder: null, anyCase: false };
export const FOLDER: Question = { ...MAILBOX, folder: 'smmap' };
export const ALIAS: Question = { about: 'alias', ...NOWHERE };
export const DOMAIN: Question = { about: 'domain', domain: NOWHERE.domain };

export function keyOf(table: string): Question {
  return { about: 'key', table, key: 'smmap.invalid', exact: false };
}
