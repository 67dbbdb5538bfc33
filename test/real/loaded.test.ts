// Which files smmap loads: each costs the start a third of a millisecond, and a health check starts every few seconds.

import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { createEmpty } from '../../src/store/driver/embedded/whole.ts';
import { MAIN, cli, makeFolder, serve } from './daemon.ts';

/** The files that were loaded by a process which had this folder as NODE_V8_COVERAGE, and the modules of smmap in them. */
function loadedBy(folder: string): { readonly files: readonly string[]; readonly modules: readonly string[] } {
  const urls = readdirSync(folder).flatMap((name) => {
    const { result } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as { result: { url: string }[] };
    return result.map(({ url }) => url).filter((url) => url.startsWith('file:'));
  });
  const files = [...new Set(urls)].map((url) => url.replace(/^.*\/node_modules\/|^.*\/dist\//, ''));
  const own = files.filter((file) => file.startsWith('chunks/'));
  const modules = own.flatMap((file) =>
    Array.from(
      readFileSync(join(dirname(MAIN), file), 'utf8').matchAll(/^\/\/ src\/(\S+)$/gm),
      ([, name = '']) => name,
    ),
  );
  return { files, modules };
}

test('a daemon on an embedded store loads no other driver, and no package that it does not need', async () => {
  const folder = join(await makeFolder(), 'loaded');
  const daemon = await serve({ under: ['env', `NODE_V8_COVERAGE=${folder}`] });
  expect(await daemon.stop()).toBe(0);
  const { files, modules } = loadedBy(folder);
  expect(modules).toContain('store/driver/embedded/driver.ts');
  expect(files).toContain('lmdb/dist/index.cjs'); // with all that it is made of
  expect(modules.filter((name) => /^store\/driver\/(?!embedded\/)/.test(name))).toEqual([]);
  const unneeded = /^(better-sqlite3|ioredis|ldapts|mysql2|pg|prom-client)\//;
  expect(files.filter((file) => unneeded.test(file))).toEqual([]);
  expect(files.length).toBeLessThan(75);
});

test.each([
  ['the version', ['--version'], 15],
  ['a question to a daemon', ['probe', '--server', 'unix:/nonexistent', 'fred@example.org'], 20],
  ['a health check', ['health', '--control', 'unix:/nonexistent'], 20],
  ['a health check that looks for the control socket in the configuration', ['health'], 35],
] as const)('%s loads no driver, no store and no log', async (_, args, most) => {
  const folder = join(await makeFolder(), 'loaded');
  await cli(args, '', { env: { NODE_V8_COVERAGE: folder } });
  const { files, modules } = loadedBy(folder);
  expect(modules).toContain('cli/program.ts');
  expect(modules.filter((name) => /^(store\/driver|store\/open|observe\/log|map\/)/.test(name))).toEqual([]);
  expect(files.filter((file) => /^(lmdb|pino)\//.test(file))).toEqual([]);
  expect(files.length).toBeLessThan(most);
});

test('a command that edits the embedded store loads nothing of the daemon', async () => {
  const root = await makeFolder();
  const folder = join(root, 'loaded');
  await createEmpty(join(root, 'store'));
  const args = ['mailbox', 'add', '--store', join(root, 'store'), 'fred@example.org'];
  expect((await cli(args, '', { env: { NODE_V8_COVERAGE: folder } })).code).toBe(0);
  const { files, modules } = loadedBy(folder);
  expect(modules).toContain('store/driver/embedded/lmdb.ts');
  expect(modules.filter((name) => /^(daemon\/daemon|observe\/log)\./.test(name))).toEqual([]);
  expect(files.filter((file) => file.startsWith('pino/'))).toEqual([]);
});
