// The library, as another program imports it: the examples of docs/library.md, and what maps may do wrong.

import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type SocketMapServerOptions, ask, createSocketMapServer } from '../../src/library.ts';
import { openPage } from '../support/page.ts';
import { askOnce } from './client.ts';
import { run } from './command.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'smmap-'));
  await mkdir(join(folder, 'node_modules'));
  await symlink(ROOT, join(folder, 'node_modules/smmap'));
  return () => rm(folder, { recursive: true });
});

test('the examples of its page do what the page says', async () => {
  const page = openPage('docs/library.md');
  const path = join(folder, 'mine.sock');
  const written = (nth: number): string =>
    page.take('A socket map server of your own', nth, 'js').replaceAll('/run/mine/smmap.sock', path);
  await writeFile(join(folder, 'server.mjs'), written(0));
  await writeFile(join(folder, 'ask.mjs'), written(1));
  const server = spawn(process.execPath, ['server.mjs'], { cwd: folder });
  onTestFinished(() => void server.kill('SIGKILL'));
  let said = '';
  server.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  await vi.waitUntil(() => said === `unix:${path}\n`, 10_000);
  const { stdout } = await run(process.execPath, [join(folder, 'ask.mjs')]);
  expect(stdout).toBe(/^\/\/ (.*)$/m.exec(written(1))?.[1] + '\n');
  expect(await askOnce(path, 'mailbox', 'nobody@example.org')).toBe('NOTFOUND ');
  const ended = new Promise((resolve) => server.once('exit', resolve));
  server.kill('SIGTERM');
  expect(await ended).toBe(0);
});

test('its types are those that a strict program needs', async () => {
  await writeFile(
    join(folder, 'typed.mts'),
    `import { type SocketMap, ask, createSocketMapServer } from 'smmap';
const map: SocketMap = async (key) => (key === '' ? null : key);
const server = createSocketMapServer({ maps: { map }, limits: { deadlineMs: 100 } });
export const where: string = await server.listen('unix:/nowhere');
const reply = await ask(where, 'map', 'key');
export const value: string = reply.kind === 'OK' ? reply.value : reply.kind;
`,
  );
  const options = [
    '--ignoreConfig',
    '--noEmit',
    '--strict',
    '--target',
    'es2022',
    '--module',
    'nodenext',
    '--types',
    'node',
  ];
  const roots = ['--typeRoots', join(ROOT, 'node_modules/@types')];
  const { code, stdout } = await run(join(ROOT, 'node_modules/.bin/tsc'), [
    ...options,
    ...roots,
    join(folder, 'typed.mts'),
  ]);
  expect([code, stdout]).toEqual([0, '']);
});

describe('a map that', () => {
  /** Serves one map, and asks it once. */
  async function answerOf(
    map: SocketMapServerOptions['maps'][string],
    limits: SocketMapServerOptions['limits'] = {},
  ): Promise<readonly [reply: string, failures: readonly string[]]> {
    const failures: string[] = [];
    const failed = (error: unknown, name: string, key: string | null): void =>
      void failures.push(`${name} ${key}: ${(error as Error).message}`);
    const server = createSocketMapServer({ maps: { map }, failed, limits });
    const where = await server.listen(`unix:${join(folder, 'one.sock')}`);
    try {
      const reply = await ask(where, 'map', 'key');
      return [Object.values(reply).join(' '), failures];
    } finally {
      await server.close(100);
    }
  }

  test.each<[what: string, map: () => unknown, reply: string, failure: string | null]>([
    ['knows a value at once', () => 'value', 'OK value', null],
    ['knows it later', async () => 'value', 'OK value', null],
    [
      'answers like a promise, of another library',
      // oxlint-disable-next-line unicorn/no-thenable -- it is what this row is about
      () => ({ then: (tell: (v: string) => void) => tell('v') }),
      'OK v',
      null,
    ],
    ['is certain that there is none', () => null, 'NOTFOUND', null],
    ['throws', () => JSON.parse('{'), 'TEMP lookup failed', 'map key: Expected'],
    ['rejects', () => Promise.reject(new Error('no database')), 'TEMP lookup failed', 'map key: no database'],
    ['forgets to answer', () => undefined, 'TEMP lookup failed', 'map key: a map has to answer a string, or null'],
    ['answers a number', async () => 1, 'TEMP lookup failed', 'map key: a map has to answer a string, or null'],
    ['hangs', () => new Promise(() => {}), 'TEMP deadline passed', 'map key: deadline passed'],
    ['answers more than a client reads', () => 'x'.repeat(200), 'TEMP reply too long', 'map key: reply too long'],
  ])('%s', async (_, map, reply, failure) => {
    const [said, failures] = await answerOf(map as () => string, { deadlineMs: 1_500, replyBytes: 150 });
    expect(said).toBe(reply);
    expect(failures).toEqual(failure === null ? [] : [expect.stringContaining(failure)]);
  });
});

test('a path on which a server listens is not taken from it', async () => {
  const where = `unix:${join(folder, 'two.sock')}`;
  const first = createSocketMapServer({ maps: { '*': () => 'first' } });
  await first.listen(where);
  onTestFinished(() => first.close(100));
  const second = createSocketMapServer({ maps: {} });
  await expect(second.listen(where)).rejects.toThrow('listens');
  await second.close();
  expect(await ask(where, 'any', 'key')).toEqual({ kind: 'OK', value: 'first' });
});

test('a closing server answers what was asked before', async () => {
  let tell: ((value: string) => void) | null = null;
  const server = createSocketMapServer({ maps: { slow: () => new Promise((resolve) => (tell = resolve)) } });
  const asked = ask(await server.listen('tcp:127.0.0.1:0'), 'slow', 'key');
  await vi.waitUntil(() => tell !== null, { timeout: 20_000, interval: 5 });
  const closed = server.close(10_000);
  setTimeout(() => tell?.('known'), 50);
  expect(await asked).toEqual({ kind: 'OK', value: 'known' });
  await closed;
});
