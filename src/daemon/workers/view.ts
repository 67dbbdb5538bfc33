import type { Totals } from '../../observe/counts.ts';
import type { Report } from '../serving.ts';
import type { StoreReport, WorkerReport } from './report.ts';

type Configuration = Totals['configuration'];

/** What all workers tell, in the form in which one process knows it of itself. Only these stores are shown. */
export function viewOf(merged: WorkerReport, configuration: Configuration, stores: Iterable<string>): Report {
  const { connections, loop, maps, shadows, events, newest } = merged;
  const shown = Array.from(stores).flatMap((name) => {
    const store = merged.stores.get(name);
    return store === undefined ? [] : [[name, viewOfStore(store)] as const];
  });
  return {
    connections,
    loops: [loop],
    counts: { maps, shadows, events, configuration },
    stores: new Map(shown),
    newest: {
      refusals: () => newest.refusals,
      deferrals: () => newest.deferrals,
      changes: () => newest.changes,
      troubleOf: (store, server) => newest.troubles.find(([a, b]) => a === store && b === server)?.[2] ?? null,
    },
  };
}

function viewOfStore({ status, durations, lacks, records, cache, held }: StoreReport) {
  return {
    status: () => status,
    durations: () => durations,
    lacks: async () => lacks,
    records: () => records,
    cache: cache === null ? null : { stats: () => cache },
    brake: { held: () => held },
  };
}
