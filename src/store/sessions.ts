import { ClosedError, StoreError } from './store.ts';

/** A connection that answers one thing after another. */
export interface Session {
  /** Whether it can be asked no more: it was closed, or it has answered as much as it may. */
  ended(): boolean;
  close(): void;
}

/** The server ended a session before it answered. It may have been about to end when it was asked. */
export class EndedError extends StoreError {
  override name = 'EndedError';
}

/** The sessions of one server. */
export interface Sessions<S extends Session> {
  /** Lends a session to `work`. It is closed if `work` fails: an answer may still come, and would be taken for another. */
  use<T>(work: (session: S) => Promise<T>): Promise<T>;
  close(): void;
}

const TIMER_EARLY_MS = 1; // setTimeout counts whole milliseconds

/**
 * Keeps sessions, so that most questions need no new connection. There are as many as there are calls of `use` at the
 * same time: the guard `batch` limits these. A session that nobody uses for `idleMs` is closed, before the server does
 * it. If a kept session ends without an answer (EndedError), its work is done once more, in a new session.
 */
export function createSessions<S extends Session>(open: () => Promise<S>, idleMs: number): Sessions<S> {
  const kept: { readonly session: S; readonly sinceMs: number }[] = []; // the one that was used last is the last
  const lent = new Set<S>();
  let timer: NodeJS.Timeout | null = null; // while one is kept: one timer for all costs less than one for each use
  let closed = false;

  /** The session that was used last: so the number of sessions shrinks when there is less to do. */
  const take = (): S | null => {
    for (let last = kept.pop(); last !== undefined; last = kept.pop()) {
      if (!last.session.ended()) return last.session;
      last.session.close();
    }
    return null;
  };
  const keep = (session: S): void => {
    if (closed || session.ended()) return session.close();
    kept.push({ session, sinceMs: performance.now() });
    timer ??= setTimeout(closeIdle, idleMs).unref();
  };
  /** Closes those that nobody used for `idleMs`, and comes back when the next one may be due. */
  const closeIdle = (): void => {
    const nowMs = performance.now();
    const fresh = kept.findIndex(({ sinceMs }) => nowMs - sinceMs < idleMs - TIMER_EARLY_MS);
    for (const { session } of kept.splice(0, fresh === -1 ? kept.length : fresh)) session.close();
    const [next] = kept;
    timer = next === undefined ? null : setTimeout(closeIdle, next.sinceMs + idleMs - nowMs).unref();
  };
  const lend = async <T>(session: S, work: (session: S) => Promise<T>): Promise<T> => {
    if (closed) {
      session.close();
      throw new ClosedError();
    }
    lent.add(session);
    try {
      const result = await work(session);
      lent.delete(session);
      keep(session);
      return result;
    } catch (cause) {
      lent.delete(session);
      session.close();
      throw cause;
    }
  };

  return {
    async use(work) {
      if (closed) throw new ClosedError();
      const session = take();
      if (session === null) return await lend(await open(), work);
      try {
        return await lend(session, work);
      } catch (cause) {
        if (!(cause instanceof EndedError) || closed) throw cause;
        return await lend(await open(), work);
      }
    },
    close() {
      closed = true;
      if (timer !== null) clearTimeout(timer);
      for (const { session } of kept.splice(0)) session.close();
      for (const session of lent) session.close();
    },
  };
}
