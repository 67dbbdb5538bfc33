import { readFileSync } from 'node:fs';
import { FORMAT } from '../store/driver/embedded/format.ts';
import { versionOf } from '../store/install.ts';
import { packageVersion } from './own.ts';

const COMMIT = new URL('../commit', import.meta.url); // the build writes it, if it is made in a clone

/** This smmap, and what it runs with, as one line of JSON. Null: not known, or not there. */
export function versionsJson(): string {
  return JSON.stringify({
    smmap: packageVersion(),
    commit: orNull(() => readFileSync(COMMIT, 'utf8').trim()),
    node: process.versions.node,
    lmdb: orNull(() => versionOf('lmdb')),
    storeFormat: Number(FORMAT),
  });
}

function orNull(read: () => string): string | null {
  try {
    return read();
  } catch {
    return null;
  }
}
