import type { Observed } from './collect.ts';
import type { Health } from './health.ts';
import { isUp } from './of-store.ts';

/**
 * The page /status.json. It has no domain, and no text of an error, because that may name somebody; `smmap top` and `smmap
 * stores` show those to the administrator.
 */
export function statusOf(observed: Omit<Observed, 'loopDelays'>, health: Health): object {
  const { version, node, counts, harvest, connections, listeners, stores } = observed;
  const { readAt, accepted } = counts.configuration;
  return {
    version,
    node,
    healthy: health.unhealthy.length === 0,
    ready: health.unready.length === 0,
    ...health,
    startedAt: new Date(performance.timeOrigin).toISOString(),
    configuration: { readAt: new Date(readAt).toISOString(), lastReloadAccepted: accepted },
    connections,
    harvest: harvest.active().map(({ map, listener, misses, names, sinceMs }) => {
      return { map, listener, misses, names, since: new Date(sinceMs).toISOString() };
    }),
    listeners,
    stores: Array.from(stores, ([name, store]) => {
      const { driver, servers, counts: counted } = store.status();
      const { failing, ...figures } = counted;
      return {
        name,
        driver,
        isUp: isUp(store),
        failingSince: failing?.at ?? null,
        ...figures,
        servers: servers.map(({ name: server, isUp: up, isTrusted, since, outages, canaryFailures }) => {
          return { name: server, isUp: up, isTrusted, since, outages, canaryFailures };
        }),
        cache: store.cache?.stats() ?? null,
        records: Object.fromEntries(store.records() ?? []),
      };
    }),
  };
}
