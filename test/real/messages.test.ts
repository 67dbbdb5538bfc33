// What an administrator reads when something is not as it should be, from the built smmap.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Result, run } from './command.ts';
import { MAIN, cli, fill, makeFolder, serve } from './daemon.ts';

const IS_ROOT = process.getuid?.() === 0;
const NOBODY = ['--reuid=65534', '--regid=65534', '--clear-groups', '--inh-caps=-all', '--bounding-set=-all', '--'];

/** Runs smmap as a user without rights, in a home that does not exist. */
function asNobody(...args: string[]): Promise<Result> {
  return run('setpriv', [...NOBODY, 'env', '-i', 'HOME=/proc/smmap', process.execPath, MAIN, ...args]);
}

/** A folder that every user may see, with a store of one mailbox. */
async function makeStore(): Promise<{ folder: string; store: string }> {
  const folder = await makeFolder();
  await chmod(folder, 0o755);
  const store = join(folder, 'store');
  await fill(store, ['fred@example.org']);
  return { folder, store };
}

test.for([
  ['mailbox', 'list'],
  ['mailbox', 'show', 'fred@example.org'],
  ['config', '--help'],
])('a full disk at standard output is an error of %s', async (args) => {
  const { store } = await makeStore();
  const more = args[0] === 'mailbox' ? ['--store', store] : [];
  const child = spawn(process.execPath, [MAIN, ...args, ...more], {
    stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
  });
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  expect(await once(child, 'close')).toEqual([74, null]);
  expect(stderr).toBe('smmap: standard output: cannot be written (ENOSPC: no space left on device, write)\n');
});

test('mta says why a folder cannot be made, even in /proc, where mkdir -p never ends', async () => {
  const { code, stderr } = await cli(['mta', 'exim', '--write', '/proc/smmap/x']);
  expect(stderr).toMatch(/^smmap: \/proc\/smmap\/x: cannot be created \(ENOENT.*\); choose another folder$/m);
  expect(code).toBe(73);
});

test.runIf(IS_ROOT)('serve says which folder cannot be made, and how to name another one', async () => {
  expect(await asNobody('serve')).toEqual({
    code: 73,
    stdout: '',
    stderr: expect.stringMatching(
      /^smmap: \/proc\/smmap\/\S+: cannot be created \(ENOENT.*\); choose another place: --listen unix:PATH\n$/,
    ) as string,
  });
});

test.runIf(IS_ROOT)('a port below 1024 needs root, and no folder', async () => {
  const { folder, store } = await makeStore();
  await chmod(folder, 0o777);
  const { code, stderr } = await asNobody('serve', '--listen', 'tcp:127.0.0.1:25', '--store', store);
  expect([code, stderr]).toEqual([
    73,
    expect.stringContaining('tcp:127.0.0.1:25: permission denied; a port below 1024'),
  ]);
});

test.runIf(IS_ROOT)('a folder that this user may not read is not reported as a folder without a store', async () => {
  const { folder } = await makeStore();
  await chmod(folder, 0o700);
  for (const args of [['list'], ['remove', 'fred@example.org'], ['add', 'joe@example.org']]) {
    const { code, stderr } = await asNobody('mailbox', ...args, '--store', join(folder, 'store'));
    expect([code, stderr]).toEqual([
      74,
      expect.stringMatching(/^smmap: \S+ cannot be read: EACCES.*; run this as root, or as the user of the store\n$/),
    ]);
  }
});

test.runIf(IS_ROOT)('a control socket of another user is not reported as a missing daemon', async () => {
  const { folder } = await makeStore();
  const daemon = await serve({ folder });
  const { code, stderr } = await asNobody('stores', '--control', `unix:${daemon.socket}.control`);
  expect(code).toBe(69);
  expect(stderr).toContain('permission denied');
  expect(stderr).toContain('run this as root');
  expect(stderr).not.toContain('start the daemon');
});

test('probe without keys still says whether the server runs', async () => {
  const { folder } = await makeStore();
  const daemon = await serve({ folder });
  expect(await cli(['probe', '--server', `unix:${daemon.socket}`, '-'])).toEqual({ code: 0, stdout: '', stderr: '' });
  expect(await cli(['probe', '--server', `unix:${folder}/none`, '-'])).toMatchObject({
    code: 74,
    stderr: `smmap: unix:${folder}/none: the socket does not exist; is the server running?\n`,
  });
});

test('an import of a wrong file shows twenty bad lines, and counts the others', async () => {
  const { folder, store } = await makeStore();
  await writeFile(join(folder, 'list'), 'no address\n'.repeat(495));
  const { code, stderr } = await cli(['mailbox', 'import', '--store', store, join(folder, 'list')]);
  const lines = stderr.trimEnd().split('\n');
  expect([code, lines.length, lines.at(-2), lines.at(-1)]).toEqual([
    65,
    22,
    `smmap: ${folder}/list: 475 more bad lines are not shown; is it the right --format?`,
    'smmap: 0 imported: 0 added, 0 changed, 0 unchanged, 495 bad',
  ]);
});

test('a list says if a domain or table has no records', async () => {
  const { store } = await makeStore();
  const list = (...args: string[]): Promise<Result> => cli([...args, '--store', store]);
  expect(await list('table', 'list', 'acess')).toEqual({
    code: 1,
    stdout: '',
    stderr: 'smmap: there is no table acess; there are no tables\n',
  });
  await list('table', 'add', 'access', 'spammer.example', 'REJECT');
  expect((await list('table', 'list', 'acess')).stderr).toBe('smmap: there is no table acess; the tables are access\n');
  expect(await list('mailbox', 'list', '-d', 'exmaple.org')).toMatchObject({
    code: 1,
    stderr: 'smmap: there is no mailbox in exmaple.org; the domains are example.org\n',
  });
  expect(await list('mailbox', 'list', '-d', 'example.org')).toEqual({
    code: 0,
    stdout: 'fred@example.org\n',
    stderr: '',
  });
  expect(await list('alias', 'list')).toEqual({ code: 0, stdout: '', stderr: '' });
});

test('a table or domain that does not exist is named with those that do', async () => {
  const { folder, store } = await makeStore();
  const smmap = async (...args: string[]): Promise<[number, string, string]> => {
    const { code, stdout, stderr } = await cli([...args, '--store', store]);
    return [code, stdout, stderr];
  };
  await smmap('table', 'add', 'access', 'a', 'b');
  const said = 'there is no table acess; the tables are access';
  const output = join(folder, 'list');
  await writeFile(output, 'a list');
  expect(await smmap('table', 'export', 'acess', '--output', output)).toEqual([65, '', `smmap: ${said}\n`]);
  expect(readFileSync(output, 'utf8')).toBe('a list');
  expect(await smmap('table', 'show', 'acess', 'a')).toEqual([1, '', `smmap: a: ${said}\n`]);
  expect(await smmap('table', 'remove', 'acess', 'a')).toEqual([1, '', `smmap: a: ${said}\n`]);
  expect(await smmap('table', 'show', 'access', 'x')).toEqual([1, '', 'smmap: x: there is no such key\n']);
  await cli(['table', 'import', '--allow-empty', 'empty', '/dev/null', '--store', store]);
  expect(await smmap('table', 'export', 'empty')).toEqual([0, '', '']);
  expect(await smmap('table', 'list', 'empty')).toEqual([0, '', '']);

  const domain = 'smmap: exmaple.org: there is no such domain; the domains are example.org\n';
  for (const command of ['show', 'remove'])
    expect(await smmap('domain', command, 'exmaple.org')).toEqual([1, '', domain]);
  await smmap('domain', 'add', ...Array.from({ length: 12 }, (_, at) => `${at}.example`));
  const [, , many] = await smmap('alias', 'list', '--domain', 'exmaple.org');
  expect(many).toMatch(/^smmap: there is no alias in exmaple\.org; the domains are 0\.example, .+ and 3 more\n$/);
});

test.for([
  [['help', 'foo'], "error: unknown command 'foo'\n"],
  [['mailbox', 'help', 'ad'], "error: unknown command 'ad'\n(Did you mean add?)\n"],
] as const)('help of an unknown command: %s', async ([args, stderr]) => {
  expect(await cli([...args])).toEqual({ code: 64, stdout: '', stderr });
  const { code, stdout } = await cli(['help', 'mailbox']);
  expect([code, stdout]).toEqual([0, expect.stringContaining('Usage: smmap mailbox ')]);
});

test('the log names an unknown map, and the maps that exist', async () => {
  const folder = await makeFolder();
  await mkdir(join(folder, 'x'));
  const config = `[listen.mta]\npath = "${folder}/smmap.sock"\n[store.a]\ndriver = "memory"\nmailboxes = ["a@b.org"]\n[map.mailbox]\n[map.cyrus]\n`;
  const daemon = await serve({ folder, config });
  await cli(['probe', '--server', `unix:${daemon.socket}`, '--map', 'mailboxes', 'a@b.org']);
  expect(await daemon.logged('deferred')).toMatchObject({ cause: 'unknown map; the maps are mailbox, cyrus' });
});

test('the message says that a quote is not closed', async () => {
  const { store } = await makeStore();
  const { stderr } = await cli(['mailbox', 'add', '--store', store, '"a b@example.org']);
  expect(stderr).toBe('smmap: "a b@example.org: has a quote that is not closed\n');
});
