import { appendFileSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { afterEach, expect, it, vi } from 'vitest';
import { openSource } from '../../src/cli/records/source.ts';
import { temporaryFolders } from '../support/folder.ts';

const folder = temporaryFolders();
const LIST = 'fred@example.org\n'.repeat(10_000);

/** Reads a list, and changes it after its first line. */
function readWhile(change: (path: string) => void): number {
  const path = `${folder()}/list`;
  writeFileSync(path, LIST);
  utimesSync(path, 1, 1);
  const source = openSource(path);
  let lines = 0;
  try {
    for (const _ of source.lines()) if (++lines === 1) change(path);
    return lines;
  } finally {
    source.close();
  }
}

it.each<[string, (path: string) => void]>([
  ['is written again with as many bytes', (path) => writeFileSync(path, LIST)],
  ['is written again without its first line', (path) => writeFileSync(path, LIST.slice(17))],
  ['is emptied', (path) => writeFileSync(path, '')],
  ['gets a line', (path) => appendFileSync(path, 'joe@example.org\n')],
])('a list that %s while it is read is refused', (_, change) => {
  expect(() => readWhile(change)).toThrow('list: was written while it was read; import it when it is complete');
});

it('a list over which another one is renamed is read to its end', () => {
  const lines = readWhile((path) => {
    writeFileSync(`${path}.new`, 'joe@example.org\n');
    renameSync(`${path}.new`, path);
  });
  expect(lines).toBe(10_000);
});

afterEach(() => void vi.unstubAllEnvs());

it('a source that is no file is copied, if there is room', () => {
  expect(() => openSource('/proc')).toThrow('/proc: cannot be read (EISDIR');
  vi.stubEnv('TMPDIR', '/dev/full');
  expect(() => openSource('/dev/null')).toThrow(
    /^\/dev\/null: cannot be copied to \/dev\/full \(ENOTDIR.*; name another folder in TMPDIR, or give a file$/,
  );
});
