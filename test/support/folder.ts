import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { openMailboxes } from '../../src/store/driver/embedded.ts';
import type { Mailbox } from '../../src/store/line.ts';

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

/** Writes mailboxes to the embedded store of a folder, and closes it: a process has it open in one way at a time. */
export async function makeStore(folder: string, mailboxes: readonly Mailbox[]): Promise<void> {
  const store = openMailboxes(folder, 'write');
  try {
    store.write((writer) => mailboxes.every((mailbox) => writer.put(mailbox)));
  } finally {
    await store.close();
  }
}
