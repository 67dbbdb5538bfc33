import { fileURLToPath } from 'node:url';
import { childrenOf } from './proc.ts';

/** A database with the mailboxes of the benchmark in it. */
export interface Database {
  readonly mailboxes: number;
  /** Its first process; null where it has none. */
  readonly pid: number | null;
  /** A store of ours in it, as TOML. */
  readonly store: readonly string[];
  stop(): Promise<void>;
}

/** Starts it and fills it. */
export type OpenDatabase = (place: { folder: string; mailboxes: number }) => Promise<Database | { missing: string }>;

export const PARTS = process.env['SMMAP_PARTS'] ?? fileURLToPath(new URL('../../.parts', import.meta.url));

/** The one process that this one has started since, which is the database's first. */
export function newSince(before: readonly number[]): number {
  const [pid, ...others] = childrenOf(process.pid).filter((child) => !before.includes(child));
  if (pid === undefined || others.length > 0) throw new Error('it is not known which process the database is');
  return pid;
}
