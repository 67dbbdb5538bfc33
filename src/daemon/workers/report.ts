import type { Durations } from '../../histogram.ts';
import type { EventFamily, MapCounts, Result, Totals } from '../../observe/counts.ts';
import type { Change, Declined, Newest } from '../../observe/newest.ts';
import type { Loss } from '../../store/brake.ts';
import type { CacheStats } from '../../store/guard/cache.ts';
import type { OpenStore } from '../../store/open.ts';
import type { Status } from '../../store/status.ts';

/** What a worker tells of itself: plain data, which goes to another process and can be added. */
export interface WorkerReport {
  readonly connections: number;
  readonly loop: Durations;
  readonly maps: ReadonlyMap<string, MapCounts>;
  readonly shadows: ReadonlyMap<string, Readonly<Record<Result, number>>>;
  readonly events: Readonly<Record<EventFamily, ReadonlyMap<string, number>>>;
  readonly stores: ReadonlyMap<string, StoreReport>;
  readonly newest: NewestReport;
}

/** What a worker knows of one of its stores. */
export interface StoreReport {
  readonly status: Status;
  readonly durations: Durations;
  readonly lacks: readonly string[];
  readonly records: ReadonlyMap<string, number> | null;
  readonly cache: CacheStats | null;
  readonly held: readonly Loss[];
}

/** The newest of what a worker told its log. `troubles`: why a store, or one of its servers, failed last. */
export interface NewestReport {
  readonly refusals: readonly Declined[];
  readonly deferrals: readonly Declined[];
  readonly changes: readonly Change[];
  readonly troubles: readonly (readonly [store: string, server: string | null, why: string])[];
}

/** Reads all of it now. */
export async function reportOf(
  counts: Totals,
  connections: number,
  loop: Durations,
  stores: ReadonlyMap<string, OpenStore>,
  newest: Newest,
): Promise<WorkerReport> {
  const described = await Promise.all(
    Array.from(stores, async ([name, store]) => [name, await storeReportOf(store)] as const),
  );
  const maps = Array.from(counts.maps, ([name, { replies, refusals, deferrals, took }]) => {
    return [name, { replies, refusals, deferrals, took: plain(took) }] as const;
  });
  return {
    connections,
    loop: plain(loop),
    maps: new Map(maps),
    shadows: counts.shadows,
    events: counts.events,
    stores: new Map(described),
    newest: newestReportOf(newest, described),
  };
}

async function storeReportOf(store: OpenStore): Promise<StoreReport> {
  return {
    status: store.status(),
    durations: plain(store.durations()),
    lacks: await store.lacks(),
    records: store.records(),
    cache: store.cache?.stats() ?? null,
    held: store.brake?.held() ?? [],
  };
}

function newestReportOf(newest: Newest, stores: readonly (readonly [string, StoreReport])[]): NewestReport {
  const troubles = stores.flatMap(([name, { status }]) =>
    [null, ...status.servers.map((server) => server.name)].flatMap((server) => {
      const why = newest.troubleOf(name, server);
      return why === null ? [] : [[name, server, why] as const];
    }),
  );
  return { refusals: newest.refusals(), deferrals: newest.deferrals(), changes: newest.changes(), troubles };
}

/** Without its functions, which cannot be sent. */
function plain({ counts, sumMs }: Durations): Durations {
  return { counts: [...counts], sumMs };
}
