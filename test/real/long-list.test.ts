// Imports of lists that are longer than what is sorted in memory, so that they need the file.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  openSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createEmpty } from '../../src/store/driver/embedded/whole.ts';
import { LONG } from '../support/long.ts';
import { run } from './command.ts';
import { MAIN, cli, fill, makeFolder } from './daemon.ts';
import { freeOf, smallDisk } from './disk.ts';

const LINES = 12_000;
const VALUE = 'x'.repeat(6_000);
const FILES = ['smmap.mdb', 'smmap.mdb-lock'];
const BEFORE = 'fred@example.org folder=abc\n';

/** Local parts in four alphabets, which LMDB has in another order than JavaScript. */
const localOf = (number: number): string =>
  `${['u', '\u{1f4ee}', '\uff41', 'z'][number % 4]}${String(number).padStart(6, '0')}`;

/** Writes a list of these mailboxes. 72 MB of 12,000, of which 32 fit into memory. */
function writeList(path: string, numbers: Iterable<number>): void {
  const fd = openSync(path, 'w');
  for (const number of numbers) writeSync(fd, `${localOf(number)}@example.org value=${number}${VALUE}\n`);
  closeSync(fd);
}

const inOrder = Array.from({ length: LINES }, (_, at) => at);
const inNone = inOrder.map((at) => (at * 7_919) % LINES);

/** A store of one mailbox, and a list. */
async function prepare(folder: string, numbers: Iterable<number> = inNone): Promise<{ store: string; list: string }> {
  const [store, list] = [join(folder, 'store'), join(folder, 'list')];
  await fill(store, [BEFORE.trim()]);
  writeList(list, numbers);
  return { store, list };
}

const importing = (store: string, list: string, ...options: string[]): string[] => [
  'mailbox',
  'import',
  ...options,
  '--store',
  store,
  list,
];

/** The mailboxes of a store, without their values. */
async function locals(store: string): Promise<string[]> {
  const { code, stdout, stderr } = await cli(['mailbox', 'list', '--store', store]);
  expect([code, stderr]).toEqual([0, '']);
  return stdout.trim().split('\n');
}

async function exported(store: string): Promise<string> {
  return (await cli(['mailbox', 'export', '--store', store])).stdout;
}

describe('a list that is longer than the memory', () => {
  test('makes the same file in any order, and of a mailbox that comes twice the first line stays', LONG, async () => {
    const sizes: number[] = [];
    const wanted = inOrder.map((at) => `${localOf(at)}@example.org`);
    for (const numbers of [inOrder, inOrder.toReversed(), inNone]) {
      const { store, list } = await prepare(await makeFolder(), [...numbers, 7, 7]);
      const again = `${localOf(7)}@example.org`;
      writeFileSync(list, `${again} state=disabled\n`, { flag: 'a' });
      const { code, stderr } = await cli(importing(store, list));
      const said = `smmap: ${LINES + 2} imported: ${LINES} added, 0 changed, 2 unchanged, 1 bad\n`;
      expect([code, stderr]).toEqual([65, `smmap: ${list}: ${again}: is in the list twice\n${said}`]);
      expect(readdirSync(store)).toEqual(FILES);
      sizes.push(statSync(join(store, 'smmap.mdb')).size);
      expect(new Set(await locals(store))).toEqual(new Set(['fred@example.org', ...wanted]));
      expect((await cli(['mailbox', 'show', '--store', store, again])).stdout).toContain('active');
    }
    expect(new Set(sizes).size).toBe(1);
  });

  test('that is complete removes what is not in it, and changes what is', async () => {
    const { store, list } = await prepare(await makeFolder());
    expect((await cli(importing(store, list))).code).toBe(0);
    const kept = inOrder.filter((at) => at % 11 !== 0);
    writeList(list, [...kept.toReversed(), LINES + 1]);
    const replaced = await cli(importing(store, list, '--replace'));
    const removed = LINES - kept.length + 1; // fred, too
    expect([replaced.code, replaced.stderr]).toEqual([
      0,
      `smmap: ${kept.length + 1} imported: 1 added, 0 changed, ${kept.length} unchanged, ${removed} removed\n`,
    ]);
    const wanted = [...kept, LINES + 1].map((at) => `${localOf(at)}@example.org`);
    expect(new Set(await locals(store))).toEqual(new Set(wanted));
    expect((await cli(['store', 'verify', '--store', store])).code).toBe(0);
  });

  test('names the first lines that come twice, in the order of the list', async () => {
    const folder = await makeFolder();
    const [store, list] = [join(folder, 'store'), join(folder, 'list')];
    const fd = openSync(list, 'w');
    for (const number of inNone) writeSync(fd, `key${number} ${number}${VALUE}\n`);
    for (const number of [8_000, 5, 9_000]) writeSync(fd, `key${number} another\n`);
    for (let number = 0; number < 1_500; number++) writeSync(fd, `key${number} again\n`);
    closeSync(fd);
    for (const each of [store, join(folder, 'other')]) await createEmpty(each);
    const { code, stderr } = await cli(['table', 'import', '--store', store, 'access', list]);
    const places = Array.from(
      { length: 20 },
      (_, at) => `:${LINES + 1 + at}: key${[8_000, 5, 9_000][at] ?? at - 3}: is`,
    );
    const found = [...stderr.matchAll(/:\d+: key\d+: is/g)].map(([text]) => text);
    expect([code, found]).toEqual([65, places]);
    expect(stderr).toContain(`: 1483 more bad lines are not shown`);
    expect(stderr).toContain(`smmap: ${LINES} imported: ${LINES} added, 0 changed, 0 unchanged, 1503 bad\n`);
    expect((await cli(['table', 'show', '--store', store, 'access', 'key5'])).stdout).toContain(`5${VALUE}`);
    const strict = await cli(['table', 'import', '--strict', '--store', join(folder, 'other'), 'access', list]);
    expect([strict.code, strict.stderr]).toEqual([65, expect.stringContaining('smmap: nothing imported, 1503 bad\n')]);
    expect((await cli(['table', 'list', '--store', join(folder, 'other'), 'access'])).stdout).toBe('');
  });
});

describe('an import of a long list', () => {
  /** Whether a process has the file of the sorted list. */
  const sorts = (pid: number): boolean =>
    readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`).endsWith('/smmap.sort (deleted)');
      } catch {
        return false; // it was closed just now
      }
    });
  const writes = (pid: number, store: string): boolean =>
    sorts(pid) && readFileSync(join(store, 'smmap.mdb-lock')).readUInt32LE(64) === pid;

  test.for([
    ['SIGINT', 'sorts', sorts],
    ['SIGTERM', 'sorts', sorts],
    ['SIGKILL', 'sorts', sorts],
    ['SIGINT', 'writes', writes],
    ['SIGTERM', 'writes', writes],
    ['SIGKILL', 'writes', writes],
  ] as const)('that is ended by %s while it %s leaves nothing, and can be run again', async ([signal, , isThere]) => {
    const { store, list } = await prepare(await makeFolder());
    const child = spawn(process.execPath, [MAIN, ...importing(store, list)], { stdio: 'ignore' });
    const { pid } = child as ChildProcess & { readonly pid: number };
    onTestFinished(() => void child.kill('SIGKILL'));
    const ended = once(child, 'close');
    await vi.waitUntil(() => isThere(pid, store), { timeout: 60_000, interval: 1 });
    child.kill(signal);
    expect(await ended).toEqual([null, signal]);
    expect(readdirSync(store)).toEqual(FILES);
    expect(await exported(store)).toBe(BEFORE);
    const { code, stderr } = await cli(importing(store, list));
    expect([code, stderr]).toEqual([0, `smmap: ${LINES} imported: ${LINES} added, 0 changed, 0 unchanged\n`]);
  });

  test('says which folder needs room if the disk is full, and changes nothing', async ({ skip }) => {
    const disk = (await smallDisk(40_000)) ?? skip('a tmpfs cannot be mounted here');
    const store = join(disk, 'store');
    await fill(store, [BEFORE.trim()]);
    const list = join(await makeFolder(), 'list');
    writeList(list, inNone);
    const free = freeOf(disk);
    const { code, stderr } = await cli(importing(store, list));
    expect([code, stderr]).toEqual([
      74,
      `smmap: ${store}/smmap.sort cannot be used: no space left on device; nothing was changed; to sort a long list, ${store} needs as much free space\n`,
    ]);
    expect([freeOf(disk), readdirSync(store)]).toEqual([free, FILES]);
    expect(await exported(store)).toBe(BEFORE);
  });

  test('says so if a limit of the process is too low', async () => {
    const { store, list } = await prepare(await makeFolder());
    const command = [process.execPath, MAIN, ...importing(store, list)];
    const { code, stderr } = await run('sh', ['-c', 'ulimit -f 40000; exec "$@"', 'sh', ...command]);
    expect([code, stderr]).toEqual([
      74,
      expect.stringContaining(
        'smmap.sort cannot be used: the file has its largest size (ulimit -f); nothing was changed',
      ),
    ]);
    expect(await exported(store)).toBe(BEFORE);
  });
});
