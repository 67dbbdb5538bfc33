import { ALIAS, DOMAIN, FOLDER, keyOf, MAILBOX } from '../example.ts';
import type { Question } from '../vocabulary.ts';
import type { Driver, StoreConfig } from './driver.ts';
import { kindOf } from './guard/canary.ts';

/** The drivers, by their names in the configuration. The declaration of a driver is loaded when a configuration names it. */
export const DRIVERS: Readonly<Record<string, () => Promise<Driver>>> = {
  embedded: async () => (await import('./driver/embedded/keys.ts')).embedded,
  memory: async () => (await import('./driver/memory/keys.ts')).memory,
  file: async () => (await import('./driver/file/keys.ts')).file,
  maildir: async () => (await import('./driver/maildir/keys.ts')).maildir,
  passwd: async () => (await import('./driver/passwd/keys.ts')).passwd,
  postgresql: async () => (await import('./driver/postgresql/keys.ts')).postgresql,
  mysql: async () => (await import('./driver/mysql/keys.ts')).mysql,
  sqlite: async () => (await import('./driver/sqlite/keys.ts')).sqlite,
  ldap: async () => (await import('./driver/ldap/keys.ts')).ldap,
  lmtp: async () => (await import('./driver/lmtp/keys.ts')).lmtp,
  redis: async () => (await import('./driver/redis/keys.ts')).redis,
  smtp: async () => (await import('./driver/smtp/keys.ts')).smtp,
  http: async () => (await import('./driver/http/keys.ts')).http,
  socketmap: async () => (await import('./driver/socketmap/keys.ts')).socketmap,
  dovecot: async () => (await import('./driver/dovecot/keys.ts')).dovecot,
  cyrus: async () => (await import('./driver/cyrus/keys.ts')).cyrus,
};

const declarations = new Map<string, Driver>();

/** Loads the declarations of the drivers with these names, for `driverOf`. No driver has any other name. */
export async function loadDeclarations(names: Iterable<unknown>): Promise<void> {
  for (const name of names) {
    if (typeof name !== 'string' || !Object.hasOwn(DRIVERS, name) || declarations.has(name)) continue;
    declarations.set(name, await (DRIVERS[name] as () => Promise<Driver>)());
  }
}

/** The store of a configuration that has no `[store.NAME]`. */
export function localStore(path: string): Readonly<Record<string, string>> {
  return { driver: 'embedded', path };
}

/** The driver of a store. Its declaration is loaded before its configuration can be read. */
export function driverOf({ driver }: Pick<StoreConfig, 'driver'>): Driver {
  const found = declarations.get(driver);
  if (found === undefined) throw new Error('the driver of a store is not loaded');
  return found;
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
