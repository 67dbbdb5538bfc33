import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { hasStore } from '../../store/driver/embedded/datafile.ts';
import type { Patience } from '../../store/driver/embedded/holder.ts';
import { type Records, openRecords } from '../../store/driver/embedded/records.ts';
import { createEmpty } from '../../store/driver/embedded/whole.ts';
import { BusyError, StoreError } from '../../store/store.ts';
import { CliError, EXIT } from '../error.ts';
import { warn } from '../warn.ts';

/** How a command changes the store. */
export interface ChangeRules {
  /** Whether it prints its results as JSON. */
  readonly json: boolean;
  /** How long it waits for another command that writes. */
  readonly waitMs: number;
}

/** Opens the store in a folder for a command, and closes it afterwards. A failure of the store is a CliError. */
export async function withRecords<T>(
  dir: string,
  purpose: 'read' | 'write',
  work: (records: Records) => T | Promise<T>,
  waitMs = Infinity,
): Promise<T> {
  return asCliError(async () => {
    const records = openRecords(dir, purpose, patienceOf(waitMs));
    try {
      return await work(records);
    } finally {
      await records.close();
    }
  });
}

/** Does something with a store. A failure of the store is a CliError. */
export async function asCliError<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    throw new CliError(error instanceof BusyError ? EXIT.TEMPORARY : EXIT.IO, error.message);
  }
}

/** How a command waits for another one that writes: for so long, and not in silence. */
export function patienceOf(mostMs: number): Patience {
  return { mostMs, waits: (holder) => warn(`waits for ${holder}`) };
}

/**
 * Makes a store for an import into a folder that is not there. The store of the configuration is not made: it may be away,
 * and a new one would be certain that nobody else exists.
 */
export async function beginStore(dir: string, configured: () => Promise<string>): Promise<void> {
  if (existsSync(dir) || resolve(dir) === resolve(await configured())) return;
  await asCliError(() => createEmpty(dir));
}

/** Gives `work` the folder of a store. If there is no store yet, it gets an empty one that is removed afterwards: a dry run makes no store. */
export async function withDryRunStore<T>(dir: string, work: (dir: string) => Promise<T>): Promise<T> {
  if (hasStore(dir)) return work(dir);
  const temporary = mkdtempSync(join(tmpdir(), 'smmap-'));
  try {
    await asCliError(() => createEmpty(temporary));
    return await work(temporary);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}
