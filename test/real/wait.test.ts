// A command that writes while another one does: a real import, stopped in its transaction.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createWait } from '../../src/store/driver/embedded/holder.ts';
import { MAIN, cli, fill, makeFolder } from './daemon.ts';

const RECORDS = 200_000; // an import that takes a second

/** A store of one mailbox, and an import that is stopped while it has the lock of writers. */
async function startStopped(): Promise<{ store: string; importer: ChildProcess & { pid: number }; command: string }> {
  const folder = await makeFolder();
  const store = join(folder, 'store');
  await fill(store, ['fred@example.org']);
  const list = join(folder, 'list');
  await writeFile(list, Array.from({ length: RECORDS }, (_, at) => `user${at}@example.org\n`).join(''));
  const args = [MAIN, 'mailbox', 'import', '--store', store, list];
  const importer = spawn(process.execPath, args, { stdio: 'ignore' }) as ChildProcess & { pid: number };
  onTestFinished(() => void importer.kill('SIGKILL'));
  // Only a writer has this number in the mutex of writers.
  const holds = (): boolean => readFileSync(join(store, 'smmap.mdb-lock')).readUInt32LE(64) === importer.pid;
  const isStopped = (): boolean => /^State:\s+T/m.test(readFileSync(`/proc/${importer.pid}/status`, 'utf8'));
  for (;;) {
    await vi.waitUntil(holds, { timeout: 20_000, interval: 1 });
    importer.kill('SIGSTOP');
    await vi.waitUntil(isStopped, { timeout: 20_000, interval: 1 });
    if (holds()) break;
    importer.kill('SIGCONT'); // it had the lock for a moment only, as when it opens the store
  }
  return { store, importer, command: [process.execPath, ...args].join(' ').slice(0, 200) };
}

const COMMANDS = [
  ['mailbox', 'add', 'joe@example.org'],
  ['mailbox', 'remove', 'fred@example.org'],
  ['mailbox', 'import', '-'],
  ['domain', 'add', 'example.net'],
  ['alias', 'add', 'a@example.org', 'fred@example.org'],
  ['table', 'add', 'access', 'a', 'b'],
  ['store', 'upgrade'],
];

test.runIf(process.arch === 'x64')('a command that writes says for whom it waits, and gives up with 75', async () => {
  const { store, importer, command } = await startStopped();
  const holder = `process ${importer.pid} (${command}), which is stopped: kill -CONT ${importer.pid} continues it`;
  const all = COMMANDS.map(
    async (words) => [words.join(' '), await cli([...words, '--wait', '1.5', '--store', store])] as const,
  );
  for (const [line, result] of await Promise.all(all)) {
    expect(result, line).toEqual({
      code: 75,
      stdout: '',
      stderr:
        `smmap: waits for ${holder}\n` +
        `smmap: ${store}/smmap.mdb is being written by ${holder}; nothing was changed; run this again later, or give a longer --wait\n`,
    });
  }
  const { code, stderr } = await cli(['mailbox', 'add', 'joe@example.org', '--wait', '0', '--store', store]);
  expect([code, stderr]).toEqual([75, expect.stringMatching(/^smmap: \S+ is being written by /)]);
  expect((await cli(['mailbox', 'list', '--store', store])).stdout).toBe('fred@example.org\n');
});

test.runIf(process.arch === 'x64')('without --wait, a command writes when the other one has ended', async () => {
  for (const signal of ['SIGCONT', 'SIGKILL'] as const) {
    const { store, importer } = await startStopped();
    const child = spawn(process.execPath, [MAIN, 'mailbox', 'add', 'joe@example.org', '--store', store], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const [said] = (await once(child.stderr, 'data')) as [Buffer];
    expect(String(said)).toContain(`smmap: waits for process ${importer.pid} (`);
    const ended = once(child, 'close');
    const over = once(importer, 'exit'); // it may have been stopped while it opened the store, and write after the other
    importer.kill(signal);
    expect(await ended).toEqual([0, null]);
    await over;
    const { stdout } = await cli(['mailbox', 'list', '--store', store]);
    // Whoever is killed while it has the lock has written all, or nothing.
    const wanted = signal === 'SIGKILL' ? [2, RECORDS + 2] : [RECORDS + 2];
    expect(wanted).toContain(stdout.split('\n').length - 1);
    expect(stdout).toContain('\njoe@example.org\n');
  }
});

test.runIf(process.arch === 'x64')('a store that is moved away while a command waits is not made anew', async () => {
  const { store, importer } = await startStopped();
  const child = spawn(process.execPath, [MAIN, 'mailbox', 'add', 'joe@example.org', '--store', store], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  await vi.waitUntil(() => said.includes('waits for process'), { timeout: 20_000 });
  const ended = once(child, 'close');
  renameSync(store, `${store}.away`);
  importer.kill('SIGKILL');
  expect(await ended).toEqual([74, null]);
  expect(said).toContain(`there is no store in ${store}; bring it back (is its disk mounted?), or make a new one`);
  expect(existsSync(store)).toBe(false);
});

test.runIf(process.arch === 'x64')(
  'only waiting counts, and not the time before it, as when a list is read',
  async () => {
    const { store, importer } = await startStopped();
    const wait = createWait(join(store, 'smmap.mdb'), { mostMs: 60_000, waits: () => {} });
    const now = performance.now.bind(performance);
    vi.spyOn(performance, 'now').mockImplementation(() => now() + 3_600_000);
    onTestFinished(() => void vi.restoreAllMocks());
    spawn('sh', ['-c', 'sleep 0.2; kill -CONT "$1"', 'sh', String(importer.pid)], { stdio: 'ignore' });
    expect(wait).not.toThrow();
  },
);

test('a lock file with the number of a process that died long ago keeps nobody waiting', async () => {
  const store = join(await makeFolder(), 'store');
  await fill(store, ['fred@example.org']);
  const lock = join(store, 'smmap.mdb-lock');
  const bytes = readFileSync(lock);
  bytes.writeUInt32LE(process.pid, 64); // this process lives, and does not have the lock file open
  bytes.writeUInt32LE(0x90, 80);
  await writeFile(lock, bytes);
  const { code, stderr } = await cli(['mailbox', 'add', 'joe@example.org', '--wait', '0', '--store', store]);
  expect([code, stderr]).toEqual([0, '']);
});

test('a number of seconds is needed', async () => {
  const { code, stderr } = await cli(['mailbox', 'add', 'joe@example.org', '--wait', 'long']);
  expect([code, stderr]).toEqual([64, expect.stringContaining('Give a number of seconds, such as 60')]);
});
