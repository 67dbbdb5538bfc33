import type { OpenStore } from '../../store/open.ts';
import type { ObservedStore, Put, PutDurations } from './collect.ts';

/** The numbers of a store, its servers and its cache. */
export function samplesOfStore(name: string, store: ObservedStore, put: Put, putDurations: PutDurations): void {
  const { servers, counts } = store.status();
  const { asked, found, absent, failed, answeredAt } = counts;
  put('smmap_store_up', Number(isUp(store)), name);
  put('smmap_store_questions_total', asked, name);
  put('smmap_store_answers_total', found, name, 'found');
  put('smmap_store_answers_total', absent, name, 'absent');
  put('smmap_store_answers_total', failed, name, 'failed');
  put('smmap_store_questions_pending', asked - found - absent - failed, name);
  putDurations('smmap_store_answer_seconds', store.durations(), name);
  put('smmap_store_last_success_timestamp_seconds', answeredAt === null ? 0 : Date.parse(answeredAt) / 1_000, name);
  for (const [kind, count] of store.records() ?? []) put('smmap_store_records', count, name, kind);
  for (const server of servers) {
    put('smmap_server_up', Number(server.isUp), name, server.name);
    put('smmap_server_outages_total', server.outages, name, server.name);
    put('smmap_server_trusted', Number(server.isTrusted), name, server.name);
    put('smmap_server_canary_failures_total', server.canaryFailures, name, server.name);
  }
  putCache(name, store, put);
}

/** Whether a store answers: one of its servers does; or, if it has none, its newest question did not fail. */
export function isUp(store: Pick<OpenStore, 'status'>): boolean {
  const { servers, counts } = store.status();
  return servers.length === 0 ? counts.failing === null : servers.some((server) => server.isUp);
}

function putCache(name: string, { cache }: ObservedStore, put: Put): void {
  if (cache === null) return;
  const { found, absent, failures, hits, misses, joined, staleServed, failuresServed, warm } = cache.stats();
  put('smmap_cache_entries', found, name, 'found');
  put('smmap_cache_entries', absent, name, 'absent');
  put('smmap_cache_entries', failures, name, 'failure');
  put('smmap_cache_hits_total', hits, name);
  put('smmap_cache_misses_total', misses, name);
  put('smmap_cache_joined_total', joined, name);
  put('smmap_cache_stale_served_total', staleServed, name);
  put('smmap_cache_failures_served_total', failuresServed, name);
  if (warm === null) return;
  put('smmap_cache_warm_entries', warm.entries, name);
  put('smmap_cache_warm_hits_total', warm.hits, name);
  put('smmap_cache_warm_up', Number(warm.failure === null), name);
  put('smmap_cache_warm_timestamp_seconds', warm.ageMs === null ? 0 : (Date.now() - warm.ageMs) / 1_000, name);
}
