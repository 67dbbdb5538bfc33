import type { Db } from './lmdb.ts';

const APPEND = { append: true } as const;

/**
 * Puts a text within a transaction. If its key is behind all others, LMDB need not search for its place, which takes a
 * third of the time. Returns false if it is not: then LMDB has refused it there, and has searched after all.
 */
export function append(db: Db, key: string, text: string): boolean {
  const isBehindAll: unknown = db.putSync(key, text, APPEND); // what it returns is in no type of lmdb
  if (isBehindAll === true) return true;
  db.putSync(key, text);
  return false;
}
