import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { StoredRecord } from '../../src/record/record.ts';
import { openRecords, type Records } from '../../src/store/driver/embedded/records.ts';
import { createEmpty } from '../../src/store/driver/embedded/whole.ts';

/** Makes new empty folders, and removes them after the tests of the file. */
export function temporaryFolders(): () => string {
  const made: string[] = [];
  afterAll(() => {
    for (const folder of made) rmSync(folder, { recursive: true, force: true });
  });
  return () => {
    const folder = mkdtempSync(join(tmpdir(), 'smmap-'));
    made.push(folder);
    return folder;
  };
}

/** Opens the embedded store of a folder to write, which is made if there is none. */
export async function openNew(folder: string): Promise<Records> {
  await createEmpty(folder);
  return openRecords(folder, 'write');
}

/** Writes records to the embedded store of a folder, and closes it: a process has it open in one way at a time. */
export async function makeStore(folder: string, records: readonly StoredRecord[]): Promise<void> {
  const store = await openNew(folder);
  try {
    store.write((writer) => records.every((record) => writer.put(record) !== null));
  } finally {
    await store.close();
  }
}
