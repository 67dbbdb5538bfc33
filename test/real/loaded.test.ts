// Which files smmap loads: each costs the start a third of a millisecond, and a health check starts every few seconds.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cli, makeFolder, serve } from './daemon.ts';

/** The files that were loaded by a process which had this folder as NODE_V8_COVERAGE. */
function loadedBy(folder: string): readonly string[] {
  const files = readdirSync(folder).flatMap((name) => {
    const { result } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as { result: { url: string }[] };
    return result.map(({ url }) => url).filter((url) => url.startsWith('file:'));
  });
  return [...new Set(files)].map((url) => url.replace(/^.*\/(node_modules|dist)\//, ''));
}

test('a daemon on an embedded store loads no other driver, and no package that it does not need', async () => {
  const folder = join(await makeFolder(), 'loaded');
  const daemon = await serve({ under: ['env', `NODE_V8_COVERAGE=${folder}`] });
  expect(await daemon.stop()).toBe(0);
  const loaded = loadedBy(folder);
  expect(loaded).toContain('store/driver/embedded/driver.js');
  expect(loaded).toContain('lmdb/index.js');
  expect(loaded.filter((file) => /^store\/driver\/(?!embedded\/)/.test(file))).toEqual([]);
  const unneeded = /^(better-sqlite3|ioredis|ldapts|mysql2|pg|prom-client|zod)\//;
  expect(loaded.filter((file) => unneeded.test(file))).toEqual([]);
  expect(loaded.length).toBeLessThan(275);
});

test.each([
  ['the version', ['--version'], 35],
  ['a health check', ['health', '--control', 'unix:/nonexistent'], 50],
  ['a health check that looks for the control socket in the configuration', ['health'], 85],
] as const)('%s loads no driver, no store and no log', async (_, args, most) => {
  const folder = join(await makeFolder(), 'loaded');
  await cli(args, '', { env: { NODE_V8_COVERAGE: folder } });
  const loaded = loadedBy(folder);
  expect(loaded).toContain('cli/program.js');
  expect(loaded.filter((file) => /^(lmdb|pino|store\/driver|store\/open|map\/)/.test(file))).toEqual([]);
  expect(loaded.length).toBeLessThan(most);
});
