import type { Logger } from './log.ts';

/** What stores with a warm cache do. */
export interface WarmLog {
  /** A store listed its mailboxes: for the first time, or again after something else was logged. */
  storeWarmed(store: string, entries: number): void;
  /** Its list has more mailboxes than its cache keeps. */
  storeWarmFull(store: string, entries: number): void;
  /** It cannot list its mailboxes, so it is asked for each of them. */
  storeNotWarmed(store: string, cause: unknown): void;
}

/** Writes what stores with a warm cache do. `reasonOf` hides names in a cause as the log does. */
export function createWarmLog(logger: Logger, reasonOf: (cause: unknown) => string): WarmLog {
  return {
    storeWarmed(store, entries) {
      const text = `the cache of store ${store} is warm: ${entries} mailboxes are listed`;
      logger.info({ event: 'store_warmed', store, entries }, text);
    },
    storeWarmFull(store, entries) {
      const text = `the cache of store ${store} has ${entries} listed mailboxes and no room for the others: raise entries of its cache`;
      logger.warn({ event: 'store_warm_full', store, entries }, text);
    },
    storeNotWarmed(store, cause) {
      const reason = reasonOf(cause);
      const text = `store ${store} cannot list its mailboxes, so it is asked for each of them: ${reason}`;
      logger.warn({ event: 'store_not_warmed', store, cause: reason }, text);
    },
  };
}
