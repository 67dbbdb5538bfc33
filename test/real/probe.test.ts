import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type Server, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { FORMAT } from '../../src/store/driver/embedded/format.ts';
import { payloads } from '../support/netstring.ts';
import { run } from './command.ts';
import { MAIN, cli, copyProgram, fill, makeFolder, serve } from './daemon.ts';

/** What the fake server does with a key: sends these bytes, or closes (null); a key that is not here gets nothing. */
const ANSWERS: Readonly<Record<string, string | null>> = {
  ok: '5:OK ok,',
  empty: '3:OK ,',
  none: '9:NOTFOUND ,',
  temp: '10:TEMP later,',
  timeout: '11:TIMEOUT out,',
  perm: '8:PERM no!,',
  garbage: 'hello\r\n',
  word: '5:MAYBE,',
  bare: '2:OK,',
  comma: '5:OK ok;',
  long: '99999999:OK',
  twice: '5:OK ok,5:OK ok,',
  closed: null,
  escape: '14:OK \x1b[31m\nx\u202ey,',
};

async function fakeServer(): Promise<string> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      for (const payload of payloads(chunk)) {
        const answer = ANSWERS[payload.toString().split(' ')[1] as string];
        if (answer === null) socket.end();
        else if (answer !== undefined) socket.write(answer);
      }
    });
  });
  const path = join(await makeFolder(), 'fake.sock');
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => void server.close());
  return path;
}

describe('probe', () => {
  test.for([
    ['OK', ['ok'], 0, 'ok\tOK ok'],
    ['OK without a value', ['empty'], 0, 'empty\tOK'],
    ['NOTFOUND', ['none'], 1, 'none\tNOTFOUND'],
    ['TEMP', ['temp'], 75, 'temp\tTEMP later'],
    ['TIMEOUT', ['timeout'], 75, 'timeout\tTIMEOUT out'],
    ['PERM', ['perm'], 69, 'perm\tPERM no!'],
    ['garbage', ['garbage'], 76, /^garbage\t\(.*did not send a netstring/],
    ['an unknown word', ['word'], 76, 'word\tMAYBE'],
    ['an OK without its blank', ['bare'], 76, 'bare\tOK'],
    ['a netstring without its comma', ['comma'], 76, /^comma\t\(.*did not send a netstring/],
    ['a length beyond reason', ['long'], 76, /^long\t\(.*did not send a netstring/],
    ['two replies to one question', ['twice'], 76, /^twice\t\(/],
    ['no reply in time', ['hang'], 75, /^hang\t\(no reply within 300 ms/],
    ['a connection that is closed', ['closed'], 74, /^closed\t\(.*closed without a reply/],
    ['bytes that would steer the terminal', ['escape'], 0, 'escape\tOK \\u001b[31m\\u000ax\\u202ey'],
    ['a miss among hits', ['ok', 'none', 'ok'], 1, 'ok\tOK ok\nnone\tNOTFOUND\nok\tOK ok'],
    ['TEMP, worse than a miss', ['temp', 'none'], 75, 'temp\tTEMP later\nnone\tNOTFOUND'],
    ['PERM, worse than TEMP', ['perm', 'temp', 'ok'], 69, 'perm\tPERM no!\ntemp\tTEMP later\nok\tOK ok'],
    ['garbage, worse than PERM, and the next key on a new connection', ['garbage', 'perm', 'ok'], 76, /\nok\tOK ok$/],
    [
      'a closed connection, worst of all, and no further key',
      ['ok', 'garbage', 'closed', 'ok'],
      74,
      /\nclosed\t\([^\n]*$/,
    ],
  ] as const)('%s', async ([, keys, code, printed]) => {
    const server = `unix:${await fakeServer()}`;
    const probed = await cli(['probe', '--server', server, '--timeout', '0.3', ...keys]);
    if (typeof printed === 'string') expect(probed.stdout).toBe(`${printed}\n`);
    else expect(probed.stdout.trimEnd()).toMatch(printed);
    expect(probed.code).toBe(code);
    expect(probed.stderr).toBe('');
  });

  test.for([
    ['a path where nothing is', '/nowhere/s.sock', 74],
    ['a port where nobody listens', 'tcp:127.0.0.1:1', 74],
    ['no endpoint', 'somewhere', 64],
    ['a port that cannot be', 'tcp:127.0.0.1:99999', 64],
  ] as const)('of %s', async ([, server, code]) => {
    expect((await cli(['probe', '--server', server, 'fred'])).code).toBe(code);
  });

  test('of a place whose name would steer the terminal or turn the text around', async () => {
    const { code, stderr } = await cli(['probe', '--server', 'some\x1b[31m\u202ewhere\u009b', 'fred']);
    expect(code).toBe(64);
    expect(stderr).toMatch(/^smmap: some\\u001b\[31m\\u202ewhere\\u009b.*\n$/);
  });

  test('reads keys from standard input, and ends with the worst exit code of all', async () => {
    const server = `unix:${await fakeServer()}`;
    const keys = Array.from({ length: 500 }, (_, at) => (at === 250 ? 'none' : 'ok'));
    const { code, stdout } = await cli(['probe', '--server', server, '-'], `${keys.join('\n')}\n`);
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.split('\t')[0]),
    ).toEqual(keys);
    expect(code).toBe(1);
  });

  test('prints one object on each line with --json', async () => {
    const server = `unix:${await fakeServer()}`;
    const { code, stdout } = await cli(['probe', '--json', '--server', server, 'none', 'closed']);
    const [none, closed] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    expect(none).toMatchObject({ key: 'none', reply: 'NOTFOUND ', error: null, exitCode: 1 });
    expect(closed).toMatchObject({ key: 'closed', reply: null, exitCode: 74 });
    expect(code).toBe(74);
  });

  test('asks a real daemon over TCP for the map of its option', async () => {
    const daemon = await serve({ args: ['--listen', 'tcp:127.0.0.1:0'] });
    await fill(join(daemon.folder, 'store'), ['fred@example.org']);
    const server = daemon.listeners.find((where) => where.startsWith('tcp:')) as string;
    const { code, stdout } = await cli(['probe', '-s', server, '-m', 'cyrus', 'fred@example.org', 'x@example.org']);
    expect([code, stdout]).toEqual([1, 'fred@example.org\tOK fred@example.org\nx@example.org\tNOTFOUND\n']);
  });
});

test('check names each mistake of a configuration, and ends with 78', async () => {
  const file = join(await makeFolder(), 'smmap.toml');
  writeFileSync(file, 'limits.deadline = 1\nlisten.mta.path = "s.sock"\n');
  const { code, stderr } = await cli(['check', '--config', file]);
  expect(stderr.trimEnd().split('\n')).toEqual([
    expect.stringMatching(/limits\.deadline: is not known; did you mean deadline_ms\?$/) as string,
    expect.stringMatching(/listen\.mta\.path: "s\.sock" is not absolute; give /) as string,
  ]);
  expect(code).toBe(78);
  writeFileSync(file, '');
  expect((await cli(['check', '--config', file])).code).toBe(0);
  expect((await cli(['check', '--config', `${file}.missing`])).code).toBe(78);
});

test.for([
  ['--version', 0],
  ['--help', 0],
  ['serve --help', 0],
  ['--no-such-option', 64],
  ['serve --no-such-option', 64],
  ['no-such-command', 64],
  ['probe', 64],
  ['mailbox add', 64],
  ['mailbox add --state asleep fred@example.org', 64],
  ['mailbox add --store /dev/null/store fred@example.org', 74],
  ['mailbox add --store /dev/null/store fred', 65],
  ['serve --config /nowhere/smmap.toml', 78],
  ['serve --listen nowhere', 64],
] as const)('smmap %s ends with %i, and without a stack', async ([line, code]) => {
  const { code: ended, stdout, stderr } = await cli(line.split(' '), '', { limit: 30_000 });
  expect(`${stdout}${stderr}`).not.toMatch(/^ {4}at /m);
  expect(ended).toBe(code);
  expect(code === 0 ? stdout : stderr).not.toBe('');
});

test('smmap --version --json says what runs, also where the commit is not known and lmdb is missing', async () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  const versions = { smmap: version, node: process.versions.node, storeFormat: Number(FORMAT) };
  const { code, stdout } = await cli(['--version', '--json']);
  expect(code).toBe(0);
  expect(stdout.endsWith('}\n')).toBe(true);
  const isClone = existsSync('.git');
  const hash: unknown = isClone ? expect.stringMatching(/^[\da-f]{40}$/) : null;
  expect(JSON.parse(stdout)).toEqual({ ...versions, commit: hash, lmdb: expect.stringMatching(/^\d+\.\d+/) as string });

  const main = await copyProgram(/^lmdb$/);
  rmSync(join(dirname(main), 'commit'), { force: true });
  const bare = await run(process.execPath, [main, '--version', '--json']);
  expect([bare.code, JSON.parse(bare.stdout)]).toEqual([0, { ...versions, commit: null, lmdb: null }]);
});

test('mailbox list ends without an error if its reader ends early', async () => {
  const store = join(await makeFolder(), 'store');
  mkdirSync(store);
  await fill(
    store,
    Array.from({ length: 50_000 }, (_, at) => `user${at}@example.org`),
  );
  const script = 'set -o pipefail; "$1" "$2" mailbox list --store "$3" | head -n 1';
  const shell = spawn('bash', ['-c', script, 'bash', process.execPath, MAIN, store]);
  let out = '';
  let said = '';
  shell.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  shell.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const code = await new Promise((resolve) => shell.on('close', resolve));
  expect([code, out, said]).toEqual([0, 'user0@example.org\n', '']);
});

test('check warns of a deadline after which a mail server, or the client of one, may have given up', async () => {
  const folder = await makeFolder();
  const file = join(folder, 'smmap.toml');
  const check = async (deadlineMs: number, protocol: string): Promise<[number, string]> => {
    writeFileSync(
      file,
      `limits.deadline_ms = ${deadlineMs}\nlisten.mta = { path = "${folder}/s.sock", protocol = "${protocol}" }\nstore.fixed = { driver = "memory", mailboxes = ["fred@example.org"] }`,
    );
    const { code, stderr } = await cli(['check', '--config', file]);
    return [code, stderr];
  };
  expect(await check(4_129, 'netstring')).toEqual([0, '']);
  const [code, text] = await check(4_500, 'netstring');
  expect(code).toBe(0);
  expect(text).toMatch(
    /limits\.deadline_ms: is 4500, so a reply may come 5425 ms after .* give 4129 or less, or make each mail server wait longer/,
  );
  expect(await check(50_000, 'line')).toEqual([0, '']);
  expect((await check(60_000, 'line'))[1]).toContain('an SMTP client that waits over 5 minutes gives up');
});
