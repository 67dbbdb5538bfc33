// The shell script that smmap.service runs, without a systemd.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { makeFolder } from './daemon.ts';

const KEEPER = fileURLToPath(new URL('../../systemd/smmap-keeper', import.meta.url));
const WAIT = { timeout: 20_000, interval: 10 };

/** Starts the keeper of a worker that is a shell; what the two have to say of each other is in the folder. */
async function keep(script: string, worker: string | null = null, more: Readonly<Record<string, string>> = {}) {
  const folder = await makeFolder();
  if (worker !== null) writeFileSync(join(folder, 'worker'), worker);
  const env = { PATH: process.env['PATH'] ?? '', RUNTIME_DIRECTORY: folder, ...more };
  const child = spawn(KEEPER, ['sh', '-c', script], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = once(child, 'close').then(([code]) => code as number);
  return { child, folder, ended, said: () => said };
}

test.for([
  ['at once', 'exit 7', 7],
  ['after a while', 'sleep 0.3; exit 7', 7],
  ['in order', 'exit 0', 0],
  ['by a signal', 'kill -9 $$', 137],
  ['for its configuration', 'exit 78', 78],
  ['for its configuration, after a while', 'sleep 0.3; exit 78', 78],
] as const)('the keeper ends with the code of its worker, which ends %s', async ([, script, code]) => {
  for (let round = 0; round < 10; round++) expect(await (await keep(script)).ended).toBe(code);
});

test('systemd tries again after a mistake in the configuration while an earlier worker serves', async () => {
  expect(await (await keep('exit 78', `${process.pid} 1\n`)).ended).toBe(75);
  expect(await (await keep('exit 64', `${process.pid} 1\n`)).ended).toBe(75);
  expect(await (await keep('exit 7', `${process.pid} 1\n`)).ended).toBe(7);
  expect(await (await keep('exit 78', '4194999 1\n')).ended).toBe(78); // beyond any process id
  expect(await (await keep('exit 78', '')).ended).toBe(78);
});

test('the worker knows its keeper and gets each SIGHUP, which ends neither of them', async () => {
  const script =
    'trap "echo hup" HUP; echo $SMMAP_KEEPER; while :; do sleep 0.05; [ ! -e "$RUNTIME_DIRECTORY/end" ] || exit 3; done';
  const { child, folder, ended, said } = await keep(script);
  await vi.waitUntil(() => said() === `${child.pid}\n`, WAIT);
  expect(readFileSync(join(folder, 'keeper'), 'utf8')).toBe(`${child.pid}\n`);
  for (let count = 1; count <= 3; count++) {
    child.kill('SIGHUP');
    await vi.waitUntil(() => said() === `${child.pid}\n${'hup\n'.repeat(count)}`, WAIT);
  }
  writeFileSync(join(folder, 'end'), '');
  expect(await ended).toBe(3);
});

test('the SIGABRT of the watchdog kills a worker that hangs', async () => {
  const { child, ended, said } = await keep('echo $$; kill -s STOP $$');
  await vi.waitUntil(() => said().endsWith('\n'), WAIT);
  child.kill('SIGABRT');
  expect(await ended).toBe(70);
  await vi.waitUntil(() => !existsSync(`/proc/${said().trim()}`), WAIT);
});

test('the keeper tells systemd of each SIGUSR1 of the worker, which cannot do so itself', async () => {
  const bin = await makeFolder();
  const log = join(bin, 'log');
  writeFileSync(join(bin, 'systemd-notify'), `#!/bin/sh\necho "$NOTIFY_SOCKET $*" >> ${log}\n`, { mode: 0o755 });
  const script = `
    [ -z "$NOTIFY_SOCKET" ] || exit 9
    for count in 1 2 3; do
      printf "$count; well\nunix:/x\n" > "$RUNTIME_DIRECTORY/status"
      kill -s USR1 $SMMAP_KEEPER
      until [ "$(wc -l < ${log})" = $count ]; do sleep 0.02; done
    done
    exit 3`;
  writeFileSync(log, '');
  const { ended } = await keep(script, null, { PATH: `${bin}:${process.env['PATH']}`, NOTIFY_SOCKET: '/run/notify' });
  expect(await ended).toBe(3);
  expect(readFileSync(log, 'utf8').trimEnd().split('\n')).toEqual([
    '/run/notify --ready --status=1; well WATCHDOG=1',
    // The next signal may come before the keeper knows that systemd-notify ended well. To be ready twice does no harm.
    expect.stringMatching(/^\/run\/notify (--ready )?--status=2; well WATCHDOG=1$/),
    '/run/notify --status=3; well WATCHDOG=1',
  ]);
});

test('the keeper says what runs it if it is started outside of a service', async () => {
  const child = spawn(KEEPER, ['true'], {
    env: { PATH: process.env['PATH'] ?? '' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  expect(await once(child, 'close')).toEqual([2, null]);
  expect(said).toContain('smmap.service runs this');
});
