import { ALIAS, DOMAIN, FOLDER, keyOf, MAILBOX } from '../example.ts';
import type { Question } from '../vocabulary.ts';
import type { Driver, StoreConfig } from './driver.ts';
import { cyrus } from './driver/cyrus/keys.ts';
import { dovecot } from './driver/dovecot/keys.ts';
import { embedded } from './driver/embedded/keys.ts';
import { file } from './driver/file/keys.ts';
import { http } from './driver/http/keys.ts';
import { ldap } from './driver/ldap/keys.ts';
import { lmtp } from './driver/lmtp/keys.ts';
import { maildir } from './driver/maildir/keys.ts';
import { memory } from './driver/memory/keys.ts';
import { mysql } from './driver/mysql/keys.ts';
import { passwd } from './driver/passwd/keys.ts';
import { postgresql } from './driver/postgresql/keys.ts';
import { redis } from './driver/redis/keys.ts';
import { smtp } from './driver/smtp/keys.ts';
import { socketmap } from './driver/socketmap/keys.ts';
import { sqlite } from './driver/sqlite/keys.ts';
import { kindOf } from './guard/canary.ts';

/** The drivers, by their names in the configuration. */
export const DRIVERS: Readonly<Record<string, Driver>> = {
  embedded,
  memory,
  file,
  maildir,
  passwd,
  postgresql,
  mysql,
  sqlite,
  ldap,
  lmtp,
  redis,
  smtp,
  http,
  socketmap,
  dovecot,
  cyrus,
};

/** The store of a configuration that has no `[store.NAME]`. */
export function localStore(path: string): Readonly<Record<string, string>> {
  return { driver: 'embedded', path };
}

/** The driver of a store. */
export function driverOf({ driver }: StoreConfig): Driver {
  return DRIVERS[driver] as Driver;
}

/** Whether a store can be asked such a question. It may then answer that the entry is absent. */
export function canAnswer(store: StoreConfig, question: Question): boolean {
  return driverOf(store).answers(store, question);
}

/** How much a store lacks a canary for such a question; `not needed` if it has one. */
export function lackOfCanary(store: StoreConfig, question: Question): 'needed' | 'wise' | 'not needed' {
  if (store.canary?.has(kindOf(question)) === true || !canAnswer(store, question)) return 'not needed';
  return driverOf(store).canary(store, question);
}

/** Whether a store finds a key of a table, or an alias, but has no value for it. Other questions need no value. */
export function lacksValue(store: StoreConfig, question: Question): boolean {
  if (question.about !== 'key' && question.about !== 'alias') return false;
  return driverOf(store).lacksValue?.(store, question) ?? false;
}

/** A question that a store can answer, to see whether it does. */
export function probeOf(store: StoreConfig): Question {
  return [MAILBOX, ALIAS, DOMAIN, keyOf('smmap')].find((question) => canAnswer(store, question)) ?? FOLDER;
}
