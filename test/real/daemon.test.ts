import { execFileSync, spawn } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { type Client, askOnce, connectTo, request } from './client.ts';
import { type Daemon, MAIN, cli, makeFolder, serve } from './daemon.ts';

const WAIT = { timeout: 20_000, interval: 10 };
const FRED = 'OK fred@example.org';
const FILES = ['smmap.sock', 'smmap.sock.control', 'smmap.toml'];

async function serveFixed(listen = '', limits = ''): Promise<Daemon> {
  const folder = await makeFolder();
  return serve({ folder, config: configOf(join(folder, 'smmap.sock'), listen, limits) });
}

function configOf(path: string, listen = '', limits = ''): string {
  return `
    limits = { ${limits} }
    listen.mta = { path = "${path}" ${listen && `, ${listen}`} }
    store.fixed = { driver = "memory", mailboxes = ["fred@example.org"] }`;
}

async function client(daemon: Daemon): Promise<Client> {
  const connected = await connectTo(daemon.socket);
  onTestFinished(() => connected.close());
  return connected;
}

describe('at SIGTERM', () => {
  test('the daemon answers pending requests, half-closes, removes its socket file and exits with 0', async () => {
    const daemon = await serveFixed();
    const asking = await client(daemon);
    const idle = await client(daemon);
    expect(await asking.ask('mailbox', 'fred@example.org')).toBe(FRED);
    expect(await idle.ask('mailbox', 'fred@example.org')).toBe(FRED);
    daemon.signal('SIGSTOP'); // so that the question is surely there before the signal is seen
    asking.socket.write(
      Buffer.concat([request('mailbox', 'fred@example.org'), request('mailbox', 'nobody@a.example')]),
    );
    const exited = daemon.stop('SIGTERM');
    daemon.signal('SIGCONT');
    await Promise.all([asking.ended, idle.ended]);
    expect(asking.replies).toEqual([FRED, FRED, 'NOTFOUND ']);
    expect(idle.replies).toEqual([FRED]);
    expect([asking.socket.errored, idle.socket.errored]).toEqual([null, null]);
    asking.close();
    idle.close();
    expect(await exited).toBe(0);
    expect(existsSync(daemon.socket)).toBe(false);
    expect(readdirSync(daemon.folder)).toEqual(['smmap.toml']);
    expect(daemon.log.map(({ event }) => event).slice(-2)).toEqual(['stopping', 'stopped']);
  });

  test.for([1, 2])(
    'clients that have connected but are not accepted yet get their answers, with %i workers',
    async (workers) => {
      const folder = await makeFolder();
      const path = join(folder, 'smmap.sock');
      const daemon = await serve({ folder, config: `workers = ${workers}\n${configOf(path)}` });
      expect(await askOnce(path, 'mailbox', 'fred@example.org')).toBe(FRED);
      daemon.signal('SIGSTOP');
      const waiting = await Promise.all(Array.from({ length: 20 }, () => client(daemon)));
      const replies = waiting.map((each) => each.ask('mailbox', 'fred@example.org').catch(() => 'ended'));
      const exited = daemon.stop('SIGTERM');
      daemon.signal('SIGCONT');
      expect(await Promise.all(replies)).toEqual(waiting.map(() => FRED));
      for (const each of waiting) each.close();
      expect(await exited).toBe(0);
    },
  );

  test('a half-closed client can still write, and gets the end of input and no broken pipe', async () => {
    const daemon = await serveFixed('', 'stop_ms = 500');
    const sendmail = await client(daemon);
    expect(await sendmail.ask('mailbox', 'fred@example.org')).toBe(FRED);
    const exited = daemon.stop();
    await sendmail.ended;
    await new Promise<void>((resolve, reject) => {
      sendmail.socket.write(request('mailbox', 'fred@example.org'), (error) => (error ? reject(error) : resolve()));
    });
    expect(await exited).toBe(0);
    expect(sendmail.replies).toEqual([FRED]);
  });

  test('the daemon waits at most stop_ms for a client that never closes', async () => {
    const daemon = await serveFixed('', 'stop_ms = 200');
    const stubborn = await client(daemon);
    await stubborn.ask('mailbox', 'fred@example.org');
    const startedAt = performance.now();
    expect(await daemon.stop()).toBe(0);
    expect(performance.now() - startedAt).toBeGreaterThan(200);
    expect(performance.now() - startedAt).toBeLessThan(20_000); // and not two hours
  });

  test('a second signal ends the daemon at once', async () => {
    const daemon = await serveFixed('', 'stop_ms = 60_000');
    const stubborn = await client(daemon);
    await stubborn.ask('mailbox', 'fred@example.org');
    daemon.signal('SIGTERM');
    await stubborn.ended;
    expect(await daemon.stop('SIGINT')).toBe(75);
  });
});

describe('the place where a daemon listens', () => {
  test('is not given to a second daemon, and the first one goes on', async () => {
    const daemon = await serveFixed();
    const inode = lstatSync(daemon.socket).ino;
    const connected = await client(daemon);
    const second = await cli(['serve', '--config', join(daemon.folder, 'smmap.toml')]);
    expect(second.stderr).toBe(
      `smmap: ${daemon.socket}: another server listens there; stop it first, take over from it (smmap serve --takeover), or listen on another path\n`,
    );
    expect(second.code).toBe(73);
    expect(lstatSync(daemon.socket).ino).toBe(inode);
    expect(await connected.ask('mailbox', 'fred@example.org')).toBe(FRED);
    expect(await askOnce(daemon.socket, 'mailbox', 'fred@example.org')).toBe(FRED);
    expect(readdirSync(daemon.folder).toSorted()).toEqual(FILES);
  });

  test('is given to exactly one of eight daemons that start at the same time after a dead one', async () => {
    const dead = await serveFixed();
    await dead.kill();
    expect(lstatSync(dead.socket).isSocket()).toBe(true);
    const rivals = Array.from({ length: 8 }, () => serve({ folder: dead.folder, config: configOf(dead.socket) }));
    const outcomes = await Promise.allSettled(rivals);
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => String(reason));
    expect(refused).toHaveLength(7);
    for (const reason of refused) expect(reason).toMatch(/ended with 73: smmap: .*: another server listens there/);
    expect(await askOnce(dead.socket, 'mailbox', 'fred@example.org')).toBe(FRED);
    expect(readdirSync(dead.folder).toSorted()).toEqual(FILES);
  });

  test('is free after a daemon was killed: its socket file is replaced', async () => {
    const killed = await serveFixed();
    await killed.kill();
    const inode = lstatSync(killed.socket).ino;
    await expect(connectTo(killed.socket)).rejects.toThrow('ECONNREFUSED');
    const daemon = await serve({ folder: killed.folder, config: configOf(killed.socket) });
    expect(await askOnce(daemon.socket, 'mailbox', 'fred@example.org')).toBe(FRED);
    expect(lstatSync(daemon.socket).ino).not.toBe(inode);
  });

  test('keeps the socket file of a server that took it over', async () => {
    const daemon = await serveFixed();
    writeFileSync(`${daemon.socket}.new`, 'of another');
    renameSync(`${daemon.socket}.new`, daemon.socket); // at once: the daemon would make a file that is missing anew
    expect(await daemon.stop()).toBe(0);
    expect(existsSync(daemon.socket)).toBe(true);
  });

  test.for([
    ['a regular file', 73, /: exists already and is not a socket; remove it, or listen on another path/, 'file'],
    ['a folder', 73, /: exists already and is not a socket/, 'folder'],
    ['a dangling symbolic link', 73, /: exists already and is not a socket/, 'link'],
    ['a path whose folder is missing', 73, /its folder does not exist; make it, or choose another/, 'missing/s.sock'],
    ['a path below a regular file', 73, /cannot listen on unix:.*: /, 'file/s.sock'],
    ['a path that is too long', 78, /listen\.mta\.path: .*has at most 107; choose a shorter path/, 'x'.repeat(100)],
    ['a relative path', 78, /listen\.mta\.path: "\.\.\/s\.sock" is not absolute/, '../s.sock'],
  ] as const)('%s is refused with %i', async ([, code, message, name]) => {
    const folder = await makeFolder();
    writeFileSync(join(folder, 'file'), 'precious');
    mkdirSync(join(folder, 'folder'));
    symlinkSync(join(folder, 'nowhere'), join(folder, 'link'));
    const before = readdirSync(folder);
    const config = join(await makeFolder(), 'smmap.toml');
    writeFileSync(config, configOf(name.startsWith('..') ? name : join(folder, name)));
    const refused = await cli(['serve', '--config', config], '', { limit: 30_000 });
    expect(refused.stderr).toMatch(message);
    expect(refused.stderr).not.toContain('    at '); // no stack
    expect(refused.code).toBe(code);
    expect(readdirSync(folder)).toEqual(before);
  });

  test.runIf(process.getuid?.() === 0)('causes exit code 73 if the user may not write to its folder', async () => {
    const folder = await makeFolder();
    const config = join(folder, 'smmap.toml');
    writeFileSync(config, configOf(join(folder, 's.sock')));
    execFileSync('chmod', ['755', folder]);
    const child = spawn(process.execPath, [MAIN, 'serve', '--config', config], { uid: 65_534, gid: 65_534 });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect(said).toMatch(/permission denied; make its folder writable for this user, or choose another place/);
    expect(code).toBe(73);
  });

  test('causes exit code 73 if it is a TCP port in use', async () => {
    const daemon = await serve({ args: ['--listen', 'tcp:127.0.0.1:0'] });
    const taken = daemon.listeners.find((where) => where.startsWith('tcp:')) as string;
    const second = await cli(['serve', '--listen', taken, '--store', join(daemon.folder, 'other')]);
    expect(second.stderr).toContain(`cannot listen on ${taken}: another server listens there`);
    expect(second.code).toBe(73);
  });

  test.for([
    ['0666 without a mode', '', 0o666],
    ['0660', 'mode = "0660"', 0o660],
    ['0600', 'mode = "600"', 0o600],
  ] as const)('has a socket file with the mode %s', async ([, listen, mode]) => {
    const daemon = await serveFixed(listen);
    expect(lstatSync(daemon.socket).mode & 0o777).toBe(mode);
  });

  test.runIf(process.getuid?.() === 0)(
    'has a socket file with the owner and the group of the configuration',
    async () => {
      const daemon = await serveFixed('owner = "daemon", group = "65533"');
      const { uid, gid } = lstatSync(daemon.socket);
      expect([uid, gid]).toEqual([1, 65_533]);
    },
  );

  test.for([
    ['its request, as Exim does, is answered', 1],
    ['many requests gets all its replies', 20_000],
  ] as const)('a client that half-closes behind %s and then closed', async ([, count]) => {
    const daemon = await serveFixed();
    const exim = await client(daemon);
    exim.socket.end(Buffer.concat(Array.from({ length: count }, () => request('mailbox', 'fred@example.org'))));
    await exim.ended;
    expect(exim.replies).toHaveLength(count);
    expect(new Set(exim.replies)).toEqual(new Set([FRED]));
  });

  test('needs a list of networks if it is a TCP address other than loopback', async () => {
    const folder = await makeFolder();
    const config = join(folder, 'smmap.toml');
    writeFileSync(config, `listen.mta.tcp = "0.0.0.0:0"\nstore.s = { driver = "embedded", path = "${folder}/s" }`);
    const refused = await cli(['serve', '--config', config], '', { limit: 30_000 });
    expect(refused.stderr).toContain('list the networks of your mail servers');
    expect(refused.code).toBe(78);
  });
});

describe('a daemon that stood still', () => {
  const DEADLINE_MS = 1_000;

  test('longer than clients wait gives no late answer, closes that connection, and answers new clients', async () => {
    const daemon = await serveFixed('', `deadline_ms = ${DEADLINE_MS}`);
    const waiting = await client(daemon);
    expect(await waiting.ask('mailbox', 'fred@example.org')).toBe(FRED);
    daemon.signal('SIGSTOP');
    waiting.socket.write(request('mailbox', 'fred@example.org'));
    await sleep(1.25 * DEADLINE_MS + 400);
    daemon.signal('SIGCONT');
    await waiting.ended;
    expect(waiting.replies).toEqual([FRED]); // the first one alone
    await daemon.logged('stalled');
    await daemon.logged('connection_ended', (line) => line['why'] === 'late answer');
    const answers: string[] = [];
    await vi.waitUntil(async () => {
      answers.push(await askOnce(daemon.socket, 'mailbox', 'fred@example.org').catch(() => 'ended'));
      return answers.at(-1) === FRED;
    }, WAIT);
    expect(answers.filter((answer) => answer !== 'ended')).toEqual([FRED]);
  });

  test('for a shorter time answers the requests that came meanwhile', async () => {
    const daemon = await serveFixed('', `deadline_ms = ${10 * DEADLINE_MS}`);
    const waiting = await client(daemon);
    expect(await waiting.ask('mailbox', 'fred@example.org')).toBe(FRED);
    daemon.signal('SIGSTOP');
    const reply = waiting.ask('mailbox', 'fred@example.org');
    await sleep(1.25 * DEADLINE_MS);
    daemon.signal('SIGCONT');
    expect(await reply).toBe(FRED);
  });

  test('longer than its deadline, but not longer than clients wait, replies TEMP', async () => {
    const daemon = await serveFixed('', 'deadline_ms = 8_000'); // clients wait for 9.2 s
    const waiting = await client(daemon);
    expect(await waiting.ask('mailbox', 'fred@example.org')).toBe(FRED);
    daemon.signal('SIGSTOP');
    const reply = waiting.ask('mailbox', 'fred@example.org');
    await sleep(8_400);
    daemon.signal('SIGCONT');
    expect(await reply).toBe('TEMP deadline passed');
  });
});

test('a client that closes in the middle of a request does not affect other clients', async () => {
  const daemon = await serveFixed();
  const served = await client(daemon);
  for (let times = 0; times < 100; times++) {
    await new Promise<void>((resolve) => {
      const gone = connect(daemon.socket, () => gone.write('28:mailbox fr', () => resolve(void gone.destroy())));
    });
  }
  expect(await served.ask('mailbox', 'fred@example.org')).toBe(FRED);
  expect(daemon.log.filter(({ event }) => event === 'failed')).toEqual([]);
});
