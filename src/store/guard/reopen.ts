import { ClosedError, LostError, type Store } from '../store.ts';
import type { Availability } from './breaker.ts';

const RETRY_MS = 100; // whoever makes a store, and then types the next command, waits for nothing

/**
 * A store that may not exist yet. It is opened now. If that fails, every lookup fails with the cause, and tries to open
 * the store again, at most ten times a second. If the driver throws LostError, the store is opened again.
 */
export function createReopening(open: () => Store, events: Availability): Store {
  let store: Store | null = null;
  let closed = false;
  let triedAt = -Infinity;
  let cause: unknown = null;

  const opened = (): Store => {
    if (closed) throw new ClosedError();
    if (store !== null) return store;
    if (performance.now() - triedAt < RETRY_MS) throw cause;
    triedAt = performance.now();
    try {
      store = open();
    } catch (error) {
      if (cause === null) events.unavailable(error);
      cause = error;
      throw error;
    }
    cause = null;
    events.opened();
    return store;
  };

  /** The store that is opened instead of one that is lost. Throws any other error. */
  const openedAgain = (asked: Store, error: unknown): Store => {
    if (!(error instanceof LostError)) throw error;
    void asked.close();
    store = null;
    triedAt = -Infinity;
    return opened();
  };

  try {
    opened();
  } catch {
    // `unavailable` was called; the daemon starts and answers TEMP
  }
  return {
    lookup(question) {
      const asked = opened();
      try {
        return asked.lookup(question);
      } catch (error) {
        return openedAgain(asked, error).lookup(question);
      }
    },
    lookupAtOnce(questions) {
      const asked = opened();
      try {
        return asked.lookupAtOnce(questions);
      } catch (error) {
        return openedAgain(asked, error).lookupAtOnce(questions);
      }
    },
    atomic: true, // as each store in a file is
    close() {
      closed = true;
      return store?.close();
    },
  };
}
