import type { Db, resetTxn } from './lmdb.ts';

/** Reads texts of a data file. All that is read until `end()` is of one moment, which is not before the first of these reads. */
export interface Reading {
  get(key: string): string | undefined;
  /** Must be called in the same turn of the event loop. Until then no writer can use the pages again that were removed. */
  end(): void;
}

/**
 * Reads by a transaction of its own, which lmdb renews at the first read after `end()`. lmdb's own transaction needs a timer
 * at each renewal, which is a fifth of the time of a lookup. `reset` is resetTxn: it and the address are not documented. If
 * they are missing, lmdb's own transaction does the same, slower.
 */
export function openReading(db: Db, reset: typeof resetTxn): Reading {
  const transaction = db.useReadTransaction();
  const { address } = transaction as { readonly address?: unknown };
  if (reset === undefined || typeof address !== 'number') {
    transaction.done();
    return { get: (key) => db.get(key), end: () => db.resetReadTxn() };
  }
  const options = { transaction };
  reset(address);
  return { get: (key) => db.get(key, options), end: () => reset(address) };
}
