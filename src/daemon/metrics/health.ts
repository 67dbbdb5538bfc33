import type { OpenStore } from '../../store/open.ts';
import type { ListenerState } from '../listeners.ts';

/** Whether the daemon does its work, and whether its stores are set up. */
export interface Health {
  /** Why it is not healthy. Empty: it is. A restart may help. */
  readonly unhealthy: readonly string[];
  /** Why it is not ready. Empty: it is. An administrator must help; until then the mail of these stores is deferred. */
  readonly unready: readonly string[];
}

/**
 * Healthy: every listener has its own path. The event loop turns, or this would not run. Ready: no canary fails, and each store
 * was filled. A store that does not answer is neither: a restart does not help, and the cache, or another store, may answer.
 */
export async function assess(
  listeners: readonly ListenerState[],
  stores: ReadonlyMap<string, Pick<OpenStore, 'status' | 'lacks'>>,
): Promise<Health> {
  const unready = await Promise.all(Array.from(stores, ([name, store]) => flawsOf(name, store)));
  return { unhealthy: flawsOfListeners(listeners), unready: unready.flat() };
}

/** Why a daemon is not healthy. Waits for no store. */
export function flawsOfListeners(listeners: readonly ListenerState[]): readonly string[] {
  const lost = listeners.filter(({ hasPath }) => !hasPath);
  return lost.map(({ name }) => `listener ${name}: its socket file is gone, so no client can connect`);
}

async function flawsOf(name: string, store: Pick<OpenStore, 'status' | 'lacks'>): Promise<readonly string[]> {
  const { servers } = store.status();
  const failing = servers.filter(({ isTrusted }) => !isTrusted);
  const at = (server: string): string => (servers.length === 1 ? name : `${name} at ${server}`);
  const lacks = await store.lacks();
  return [
    ...failing.map((server) => `store ${at(server.name)}: its canary fails`),
    ...lacks.map((kind) => `store ${name}: was never filled with ${kind}`),
  ];
}
