import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type Result, run } from './command.ts';
import { MAIN, makeFolder } from './daemon.ts';

const KEYS = ['--known', 'fred@example.org', '--unknown', 'nobody@example.org'];

const conformance = (...args: string[]): Promise<Result> =>
  run(process.execPath, [MAIN, 'conformance', ...args], { limit: 60_000 });

/** The last line for smmap itself, started by the command. */
async function sumsOf(protocol: string): Promise<string> {
  const folder = await makeFolder();
  const socket = join(folder, 's.sock');
  const config = join(folder, 'smmap.toml');
  const store = `[store.local]\ndriver = "memory"\nmailboxes = ["fred@example.org"]\n[map.mailbox]\n`;
  await writeFile(config, `[listen.test]\npath = "${socket}"\nprotocol = "${protocol}"\n${store}`);
  const command = `exec '${process.execPath}' '${MAIN}' serve --config '${config}'`;
  const waits = ['--idle', '1', '--late', '6', '--strict'];
  const args = [socket, '--protocol', protocol, ...KEYS, ...waits, '--server-command', command];
  const { code, stdout } = await conformance(...args);
  return `${stdout.trimEnd().split('\n').at(-1)}, exit code ${code}`;
}

test('smmap keeps every rule in both protocols, also when it is stopped', async () => {
  expect(await Promise.all(['netstring', 'line'].map(sumsOf))).toEqual([
    '64 cases: 64 passed, 0 MUST failed, 0 SHOULD failed, 0 skipped, exit code 0',
    '47 cases: 47 passed, 0 MUST failed, 0 SHOULD failed, 0 skipped, exit code 0',
  ]);
});

test('a server that never replies fails, and the files say why', async () => {
  const folder = await makeFolder();
  const socket = join(folder, 's.sock');
  const server = createServer(() => {}).listen(socket);
  onTestFinished(() => void server.close());
  const junit = join(folder, 'results.xml');
  const args = [socket, '--timeout', '0.2', '--only', 'framing/reply/*', '--junit', junit, '--json'];
  const { code, stdout, stderr } = await conformance(...args);
  expect([code, stderr]).toEqual([1, 'framing ...\n']);
  const [result, summary] = stdout.split('\n').map((line) => (line === '' ? {} : (JSON.parse(line) as object)));
  expect(result).toMatchObject({ id: 'framing/reply/1', why: 'neither a reply nor the end came within 200 ms' });
  expect(summary).toMatchObject({ cases: 1, failedMust: 1 });
});

test('a key that the server does not find is said before its cases fail', async () => {
  const folder = await makeFolder();
  const socket = join(folder, 's.sock');
  const server = createServer((client) => client.on('data', () => client.write('9:NOTFOUND ,'))).listen(socket);
  onTestFinished(() => void server.close());
  const { code, stderr } = await conformance(socket, ...KEYS, '--only', 'reply/word', '--map', 'mailboxes');
  const doubt =
    '--known fred@example.org: the reply of the map mailboxes is NOTFOUND, and not OK: cases will fail for that';
  expect([code, stderr]).toEqual([0, `${doubt}\nreply ...\n`]);
});

// It has no handler for SIGTERM, so its socket stays.
const LEAVES_ITS_SOCKET = `require('node:net').createServer((client) => {
  client.on('data', () => client.write('8:NOTFOUND,'));
}).listen(`;

test('a server that leaves its socket is started again after a case that it fails', async () => {
  const folder = await makeFolder();
  const socket = join(folder, 's.sock');
  await writeFile(join(folder, 'server.cjs'), `${LEAVES_ITS_SOCKET}${JSON.stringify(socket)})`);
  const command = `exec '${process.execPath}' '${join(folder, 'server.cjs')}'`;
  const args = [socket, '--unknown', 'nobody@example.org', '--only', 'reply', '--server-command', command];
  const { stdout } = await conformance(...args, '--only', 'order/connection');
  expect(stdout).toContain('6 cases: 3 passed, 0 MUST failed, 1 SHOULD failed, 2 skipped');
  expect(existsSync(socket)).toBe(false);
});

test('the list is JSON, too', async () => {
  const { code, stdout } = await conformance('--list', '--json', '--only', 'reply', '--protocol', 'line');
  expect(code).toBe(0);
  const cases = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as object);
  expect(cases).toHaveLength(5);
  expect(cases[1]).toMatchObject({ id: 'reply/ok/1', level: 'MUST', needs: 'known' });
  expect(cases[4]).toMatchObject({ id: 'reply/notfound/2', level: 'MUST', rule: 'There is a blank behind NOTFOUND.' });
});

test.each([
  [[], 64, 'give the endpoint of the server'],
  [['/nowhere/s.sock'], 74, 'cannot connect: the socket does not exist'],
  [['/nowhere/s.sock', '--server-command', 'exit 3'], 74, 'the server did not start: it ended with 3'],
  [['/nowhere/s.sock', '--only', 'nothing/*'], 64, 'nothing/*: no case matches'],
  [['/nowhere/s.sock', '--only', 'framing', '--only', 'ordr/*'], 64, 'ordr/*: no case matches'],
  [['/nowhere/s.sock', '--junit', '/nowhere/results.xml'], 73, '/nowhere/results.xml: cannot be written'],
])('smmap conformance %j ends with %i', async (args, code, text) => {
  const result = await conformance(...args);
  expect(result.stderr).toContain(text);
  expect(result.code).toBe(code);
});
