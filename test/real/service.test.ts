import { existsSync, lstatSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { LONG } from '../support/long.ts';
import { connectTo } from './client.ts';
import type { Result } from './command.ts';
import { findInit } from './init.ts';
import { describePart } from './part.ts';
import { type AtEnd, type Service, makeService, until } from './service.ts';

const FINE: Result = { code: 0, stdout: '', stderr: '' };
const ALONE_MS = 8_000; // how long a worker goes on whose keeper ended
const [FRED, JOE] = ['fred@example.org', 'joe@example.org'];

const people = (...names: string[]): string =>
  `[store.fixed]\ndriver = "memory"\nmailboxes = [${names.map((name) => `"${name}"`).join()}]\n[map.mailbox]\n`;
const MISTAKE = `${people(JOE)}replly = "key"\n`;
const HELD = '[listen.mta]\nsystemd = "smmap"\n';

/** A journald, and a service that logs there. */
const JOURNALD = {
  'systemd-journald.service': `[Unit]
    DefaultDependencies=no
    [Service]
    Type=notify
    ExecStart=/lib/systemd/systemd-journald
    StandardOutput=null`,
  'systemd-journald.socket': `[Unit]
    DefaultDependencies=no
    [Socket]
    ListenStream=/run/systemd/journal/stdout
    ListenDatagram=/run/systemd/journal/socket`,
  'smmap.service.d/xjournal.conf': '[Service]\nStandardOutput=journal\nStandardError=journal\n', // after test.conf
};

/** Drop-ins of smmap.service as they are shipped. */
async function dropInsOf(...names: readonly string[]): Promise<Record<string, string>> {
  const read = (name: string): Promise<string> => readFile(new URL(`../../systemd/${name}`, import.meta.url), 'utf8');
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [`smmap.service.d/${name}`, await read(name)] as const)),
  );
}

/** A service that runs, and a client that stays connected. */
async function serve(
  atEnd: AtEnd,
  config: string,
  dropIns: Readonly<Record<string, string>> = {},
  unit = 'smmap.service',
) {
  const service = await makeService(atEnd, dropIns);
  await service.configure(config);
  expect(await service.systemctl('start', unit), await service.said()).toEqual(FINE);
  const client = await connectTo(service.socket);
  atEnd(() => client.close());
  expect(await client.ask('mailbox', FRED)).toBe(`OK ${FRED}`);
  return { service, client };
}

/** A client as OpenSMTPD is: one connection, lines, and no second one. */
async function connectLine(atEnd: AtEnd, path: string): Promise<{ ask(line: string): Promise<string> }> {
  const socket = connect(path).setEncoding('utf8');
  atEnd(() => void socket.destroy());
  const chunks = socket.iterator() as AsyncIterableIterator<string>;
  return {
    async ask(line) {
      socket.write(`${line}\n`);
      const { value, done } = await chunks.next();
      if (done === true) throw new Error('the connection ended');
      return value.trimEnd();
    },
  };
}

const events = async (service: Service, name: string): Promise<number> =>
  (await service.logged()).filter(({ event }) => event === name).length;

const aliveIn = async (service: Service, pid: number): Promise<boolean> =>
  (await service.run('kill', '-0', `${pid}`)).code === 0;

describePart('a real systemd', await findInit(), () => {
  describe.concurrent('with smmap.service', () => {
    test('a refused start fails visibly, and is not tried again', async ({ onTestFinished }) => {
      const service = await makeService(onTestFinished);
      await service.configure(MISTAKE);
      const { code, stderr } = await service.systemctl('start', 'smmap');
      expect(code).toBe(1);
      expect(stderr).toContain('Job for smmap.service failed because the control process exited with error code.');
      expect(await service.property('ActiveState')).toBe('failed');
      expect(await service.said()).toContain('replly: is not known; did you mean reply?');
    });

    test('the new daemon answers after a restart, even clients that are connected to the old one', async ({
      onTestFinished,
    }) => {
      const { service, client } = await serve(onTestFinished, people(FRED));
      await service.configure(people(JOE));
      expect(await service.systemctl('restart', 'smmap')).toEqual(FINE);
      await until(async () => (await events(service, 'handing_over')) === 1);
      expect(await client.ask('mailbox', JOE)).toBe(`OK ${JOE}`);
      expect(await client.ask('mailbox', FRED)).toBe('NOTFOUND ');
      const stores = await service.run('smmap', 'stores');
      expect([stores.code, stores.stderr]).toEqual([
        0,
        expect.stringMatching(/^smmap: process \d+, which this daemon replaced, still serves 1 connections\n$/),
      ]);
      client.close();
      await until(async () => (await events(service, 'stopped')) === 1);
      expect(await service.ask(JOE)).toBe(`OK ${JOE}`);
    });

    test('clients of an old daemon get TEMP while there is no new one, and never an answer of the old one', async ({
      onTestFinished,
    }) => {
      const { service, client } = await serve(onTestFinished, people(FRED));
      expect(await service.systemctl('restart', 'smmap')).toEqual(FINE);
      await until(async () => (await events(service, 'handing_over')) === 1);
      await service.run('kill', '-9', `${await service.worker()}`);
      expect(await client.ask('mailbox', 'nobody@example.org')).toBe('TEMP lookup failed');
      await until(async () => (await client.ask('mailbox', FRED)) === `OK ${FRED}`); // systemd has started another one
    });

    test('a refused restart fails, and the old daemon serves until a good one takes over', async ({
      onTestFinished,
    }) => {
      const { service, client } = await serve(onTestFinished, people(FRED));
      const worker = await service.worker();
      await service.configure(MISTAKE);
      const { code, stderr } = await service.systemctl('restart', 'smmap');
      expect(code).toBe(1);
      expect(stderr).toContain('Job for smmap.service failed because the control process exited with error code.');
      for (const late = Date.now() + ALONE_MS + 4_000; Date.now() < late; await sleep(100)) {
        expect(await client.ask('mailbox', FRED)).toBe(`OK ${FRED}`);
        expect(await service.ask(FRED)).toBe(`OK ${FRED}`);
      }
      expect(await service.worker()).toBe(worker);
      await service.configure(people(FRED, JOE)); // which systemd finds by itself
      await until(async () => (await service.property('ActiveState')) === 'active');
      expect(await service.ask(JOE)).toBe(`OK ${JOE}`);
      await until(async () => (await client.ask('mailbox', JOE)) === `OK ${JOE}`);
    });

    test('a stop after a refused restart ends the old daemon', async ({ onTestFinished }) => {
      const { service, client } = await serve(onTestFinished, people(FRED));
      const worker = await service.worker();
      await service.configure(MISTAKE);
      expect((await service.systemctl('restart', 'smmap')).code).toBe(1);
      await service.systemctl('stop', 'smmap');
      await client.ended;
      expect(existsSync(service.socket)).toBe(false);
      expect(await aliveIn(service, worker)).toBe(true);
      expect(await service.systemctl('kill', 'smmap')).toEqual(FINE);
      await until(async () => !(await aliveIn(service, worker)));
      expect(await service.property('ActiveState')).not.toBe('active');
    });

    test('a stop half-closes, and the next daemon has the path while the old one waits for its clients', async ({
      onTestFinished,
    }) => {
      const { service, client } = await serve(onTestFinished, people(FRED));
      const worker = await service.worker();
      expect(await service.systemctl('stop', 'smmap')).toEqual(FINE);
      await client.ended;
      expect(existsSync(service.socket)).toBe(false);
      expect(client.socket.destroyed).toBe(false);
      expect(await service.systemctl('start', 'smmap')).toEqual(FINE);
      expect(await service.ask(FRED)).toBe(`OK ${FRED}`);
      expect(await aliveIn(service, worker)).toBe(true);
      client.close();
      await until(async () => !(await aliveIn(service, worker)));
    });

    test.for([
      ['the keeper is killed', 'SIGKILL', 'keeper'],
      ['the keeper is told to end', 'SIGTERM', 'keeper'],
      ['the worker is told to end', 'SIGTERM', 'worker'],
    ] as const)(
      'another daemon takes over and no lookup is lost if %s',
      async ([, signal, whom], { onTestFinished }) => {
        const { service, client } = await serve(onTestFinished, people(FRED));
        const worker = await service.worker();
        const pid = whom === 'keeper' ? await service.property('MainPID') : worker;
        await service.run('kill', '-s', signal.slice(3), `${pid}`);
        while ((await service.worker()) === worker) {
          expect(await client.ask('mailbox', FRED)).toBe(`OK ${FRED}`);
          expect(await service.ask(FRED)).toBe(`OK ${FRED}`);
        }
        await until(async () => (await events(service, 'handing_over')) === 1);
        expect(await client.ask('mailbox', FRED)).toBe(`OK ${FRED}`);
      },
    );

    test('a killed worker is replaced', async ({ onTestFinished }) => {
      const { service } = await serve(onTestFinished, people(FRED));
      await service.run('kill', '-9', `${await service.worker()}`);
      await until(async () => (await service.ask(FRED).catch(() => '')) === `OK ${FRED}`);
      expect(await service.property('NRestarts')).toBe('1');
    });

    test.for([['systemd-tmpfiles'], ['no systemd-tmpfiles']])(
      'a daemon of root, then %s, then the service: it reads the store that root made, and answers on the same socket',
      async ([first], { onTestFinished }) => {
        const service = await makeService(onTestFinished);
        await service.configure('[map.mailbox]\n');
        await service.run('sh', '-c', 'setsid smmap serve < /dev/null > /dev/null 2>&1 &');
        await until(async () => existsSync(service.socket));
        expect(await service.run('smmap', 'store', 'create')).toMatchObject({ code: 0 });
        expect(await service.run('smmap', 'mailbox', 'add', FRED)).toEqual({ ...FINE, stdout: `added ${FRED}\n` });
        expect(await service.ask(FRED)).toBe(`OK ${FRED}`);
        const tmpfiles = ['systemd-tmpfiles', '--create', '/usr/local/lib/smmap/systemd/tmpfiles.conf'] as const;
        if (first === 'systemd-tmpfiles') expect(await service.run(...tmpfiles)).toEqual(FINE);
        expect(await service.systemctl('start', 'smmap'), await service.said()).toEqual(FINE);
        expect(await service.ask(FRED)).toBe(`OK ${FRED}`);
        expect(await service.run('smmap', 'mailbox', 'add', JOE)).toEqual({ ...FINE, stdout: `added ${JOE}\n` });
        expect(await service.ask(JOE)).toBe(`OK ${JOE}`);
        expect((await service.run('smmap', 'probe', FRED, JOE)).code).toBe(0);
        const { stdout } = await service.run('stat', '-c', '%U:%G %a %n', '/var/lib/smmap/smmap.mdb');
        expect(stdout).toBe('smmap:smmap 640 /var/lib/smmap/smmap.mdb\n');
      },
    );

    test('all sockets exist when the start is finished, and systemd has a status', async ({ onTestFinished }) => {
      const more = '[listen.mta]\npath = "/run/smmap/smmap.sock"\n[listen.more]\npath = "/run/smmap/more.sock"\n';
      const { service } = await serve(onTestFinished, more + people(FRED)); // it asks as soon as the start is over
      expect(existsSync(join(service.sockets, 'more.sock'))).toBe(true);
      expect(await service.property('StatusText')).toMatch(
        /^0 connections; \/etc\/smmap\/smmap\.toml, read at \d{4}-\d\d-\d\dT[\d:]{8}Z$/,
      );
    });

    test('the watchdog replaces a daemon that hangs, with its TCP port, and not one that works', async ({
      onTestFinished,
    }) => {
      const tcp = '[listen.mta]\npath = "/run/smmap/smmap.sock"\n[listen.tcp]\ntcp = "127.0.0.1:2004"\n';
      const dropIns = { 'smmap.service.d/watchdog.conf': '[Service]\nWatchdogSec=3\n' };
      const { service } = await serve(onTestFinished, tcp + people(FRED), dropIns);
      const worker = await service.worker();
      await sleep(7_000);
      expect(await service.worker()).toBe(worker);
      await service.run('kill', '-s', 'STOP', `${worker}`);
      await until(async () => (await service.worker()) !== worker);
      expect(await service.ask(FRED)).toBe(`OK ${FRED}`);
      expect((await service.run('smmap', 'probe', '-s', 'tcp:127.0.0.1:2004', FRED)).code).toBe(0);
      expect(await aliveIn(service, worker)).toBe(false);
      expect(await service.property('NRestarts')).toBe('1');
    });

    test('the watchdog replaces a new daemon that hangs, even while an old one serves', async ({ onTestFinished }) => {
      const dropIns = { 'smmap.service.d/watchdog.conf': '[Service]\nWatchdogSec=3\n' };
      const { service, client } = await serve(onTestFinished, people(FRED), dropIns);
      expect(await service.systemctl('restart', 'smmap')).toEqual(FINE);
      await until(async () => (await events(service, 'handing_over')) === 1);
      const worker = await service.worker();
      await service.run('kill', '-s', 'STOP', `${worker}`);
      await until(async () => (await service.worker()) !== worker);
      await until(async () => (await client.ask('mailbox', FRED)) === `OK ${FRED}`);
    });

    test('a reload is finished when systemctl ends', async ({ onTestFinished }) => {
      const { service, client } = await serve(onTestFinished, people(FRED));
      await service.configure(people(JOE));
      expect(await service.systemctl('reload', 'smmap')).toEqual(FINE);
      expect(await client.ask('mailbox', JOE)).toBe(`OK ${JOE}`);
      expect(await service.said()).toContain('stores: changed fixed');
    });

    test('a refused reload fails, says why, and changes nothing', async ({ onTestFinished }) => {
      const { service, client } = await serve(onTestFinished, people(FRED));
      await service.configure(MISTAKE);
      const { code, stderr } = await service.systemctl('reload', 'smmap');
      expect(code).toBe(1);
      expect(stderr).toContain('Job for smmap.service failed');
      expect(await service.said()).toContain('smmap: the reload was refused, so the old configuration stays in use');
      const why = 'replly: is not known; did you mean reply?';
      await until(async () => (await service.property('StatusText')).includes(why));
      expect((await service.run('systemctl', 'status', 'smmap')).stdout).toContain(why);
      expect(await service.property('ActiveState')).toBe('active');
      expect(await client.ask('mailbox', FRED)).toBe(`OK ${FRED}`);
      await service.configure(people(FRED, JOE));
      expect(await service.systemctl('reload', 'smmap')).toEqual(FINE);
      await until(async () => !(await service.property('StatusText')).includes('refused'));
      expect(await client.ask('mailbox', JOE)).toBe(`OK ${JOE}`);
    });

    test.for([
      [
        'a socket that moves',
        '[listen.mta]\npath = "/run/smmap/a.sock"\n',
        '[listen.mta]\npath = "/run/smmap/b.sock"\n',
      ],
      ['a TCP port alone', '[listen.mta]\ntcp = "127.0.0.1:2004"\n', '[listen.mta]\ntcp = "127.0.0.1:2005"\n'],
    ])('a reload finds the daemon that has %s', async ([, first, next], { onTestFinished }) => {
      const service = await makeService(onTestFinished);
      await service.configure(first + people(FRED));
      expect(await service.systemctl('start', 'smmap'), await service.said()).toEqual(FINE);
      for (const listening of [next, first]) {
        await service.configure(listening + people(FRED));
        expect(await service.systemctl('reload', 'smmap'), await service.said()).toEqual(FINE);
      }
      await until(async () => (await events(service, 'reloaded')) === 2); // the journal is written a moment later
    });

    test('a socket of systemd is served across a restart, even a refused one', async ({ onTestFinished }) => {
      const { service, client } = await serve(onTestFinished, HELD + people(FRED), {}, 'smmap.socket');
      // The client started it, and is served before the start is over. Until then, systemd takes a reload for a part of the start.
      expect(await service.systemctl('start', 'smmap')).toEqual(FINE);
      await service.configure(HELD + people(JOE));
      expect(await service.systemctl('reload', 'smmap')).toEqual(FINE);
      expect(await client.ask('mailbox', JOE)).toBe(`OK ${JOE}`);
      expect(await service.systemctl('restart', 'smmap')).toEqual(FINE);
      await until(async () => (await events(service, 'handing_over')) === 1);
      expect(await client.ask('mailbox', JOE)).toBe(`OK ${JOE}`);
      await service.configure(MISTAKE);
      expect((await service.systemctl('restart', 'smmap')).code).toBe(1);
      for (const late = Date.now() + 3_000; Date.now() < late; await sleep(20)) {
        expect(await service.ask(JOE)).toBe(`OK ${JOE}`);
      }
      expect(await client.ask('mailbox', JOE)).toBe(`OK ${JOE}`);
    });

    test(
      'a client of the line protocol is served without limit, across restarts, a stop and a start',
      LONG,
      async ({ onTestFinished }) => {
        const line = '[listen.line]\npath = "/run/smmap/line.sock"\nprotocol = "line"\n';
        const limits = '[limits]\nstop_ms = 100\nhandover_ms = 100\n';
        const config = (name: string): string =>
          `${limits}[listen.mta]\npath = "/run/smmap/smmap.sock"\n${line}${people(name)}`;
        const { service, client } = await serve(onTestFinished, config(FRED));
        client.close();
        const path = service.socket.replace('smmap.sock', 'line.sock');
        const smtpd = await connectLine(onTestFinished, path);
        expect(await smtpd.ask(`mailbox ${FRED}`)).toBe(`OK ${FRED}`);
        await service.configure(config(JOE));
        for (let round = 1; round <= 2; round++) {
          expect(await service.systemctl('restart', 'smmap')).toEqual(FINE);
          await until(async () => (await events(service, 'handing_over')) === round);
          await sleep(300);
          expect(await smtpd.ask(`mailbox ${JOE}`)).toBe(`OK ${JOE}`);
        }
        const second = await connectLine(onTestFinished, path);
        expect(await second.ask(`mailbox ${JOE}`)).toBe(`OK ${JOE}`);
        expect(await service.systemctl('stop', 'smmap')).toEqual(FINE);
        await until(async () => !existsSync(path));
        expect(await smtpd.ask(`mailbox ${JOE}`)).toBe('TEMP lookup failed');
        expect(await service.systemctl('start', 'smmap')).toEqual(FINE);
        for (const each of [smtpd, second]) expect(await each.ask(`mailbox ${JOE}`)).toBe(`OK ${JOE}`);
        const older = async (): Promise<string> => (await service.run('smmap', 'stores')).stderr;
        await until(async () =>
          /^(?:smmap: process \d+, which this daemon replaced, still serves 1 connections\n){2}$/.test(await older()),
        );
      },
    );

    test('a TCP port changes to the new daemon at once, and returns if the start is refused later', async ({
      onTestFinished,
    }) => {
      const tcp =
        '[listen.mta]\npath = "/run/smmap/smmap.sock"\n[listen.tcp]\ntcp = "127.0.0.1:2004"\n[metrics]\ntcp = "127.0.0.1:9877"\n';
      const { service, client } = await serve(onTestFinished, tcp + people(FRED));
      const probe = async (key: string): Promise<string> =>
        (await service.run('smmap', 'probe', '-s', 'tcp:127.0.0.1:2004', key)).stdout.trimEnd();
      const fetching = "fetch('http://127.0.0.1:9877/metrics').then((r) => r.text()).then(console.log, () => {})";
      const startedAt = async (): Promise<string> =>
        /^smmap_start_time_seconds (.*)$/m.exec((await service.run('node', '-e', fetching)).stdout)?.[1] ?? '';
      const first = await startedAt();
      expect(Number(first)).toBeGreaterThan(0);
      await service.configure(tcp + people(JOE));
      expect(await service.systemctl('restart', 'smmap')).toEqual(FINE);
      expect(await probe(JOE)).toBe(`${JOE}\tOK ${JOE}`);
      const second = await startedAt();
      expect(Number(second)).toBeGreaterThan(Number(first));
      expect(await service.run('smmap', 'health')).toMatchObject({ code: 0, stdout: 'healthy\nready\n' });
      await until(async () => (await events(service, 'handing_over')) === 1);
      await service.configure(`${tcp}[listen.no]\npath = "/run/missing/smmap.sock"\n${people(FRED)}`);
      expect((await service.systemctl('restart', 'smmap')).code).toBe(1);
      await until(async () => (await probe(JOE)) === `${JOE}\tOK ${JOE}`);
      await until(async () => (await startedAt()) === second);
      expect(await client.ask('mailbox', JOE)).toBe(`OK ${JOE}`);
    });

    test('journalctl -p warning shows warnings and errors, and nothing else', async ({ onTestFinished }) => {
      const service = await makeService(onTestFinished, JOURNALD);
      await service.configure(people(FRED));
      for (const unit of ['systemd-journald.socket', 'smmap'])
        expect(await service.systemctl('start', unit), await service.said()).toEqual(FINE);
      expect(await service.ask('fred')).toMatch(/^TEMP /);
      await service.configure(MISTAKE);
      expect((await service.systemctl('reload', 'smmap')).code).toBe(1);
      const read = async (...args: string[]): Promise<string[]> =>
        (await service.run('journalctl', '-u', 'smmap', '-o', 'cat', ...args)).stdout.trimEnd().split('\n');
      const refused = 'smmap: the reload was refused, so the old configuration stays in use';
      await until(async () => (await read()).includes(refused));
      const wrong = 'smmap: /etc/smmap/smmap.toml:5: map.mailbox.replly: is not known; did you mean reply?';
      const lines = await read('-p', 'warning'); // of the daemon and of smmap reload, in the order in which journald read them
      const isEvent = (line: string): boolean => line.startsWith('{');
      const told = lines.filter(isEvent).map((line) => (JSON.parse(line) as { event: string }).event);
      expect(told.toSorted()).toEqual(['deferred', 'reload_refused']);
      expect(lines.filter((line) => !isEvent(line))).toEqual([wrong, refused]);
      expect((await read()).join('\n')).toContain('"event":"started"');
    });

    const GROUP = '[listen.mta]\npath = "/run/smmap/smmap.sock"\nmode = "0660"\ngroup = "postfix"\n';

    test('a socket group without the user of the service ends the start, with the lines to write', async ({
      onTestFinished,
    }) => {
      const service = await makeService(onTestFinished);
      await service.configure(GROUP + people(FRED));
      expect((await service.systemctl('start', 'smmap')).code).toBe(1);
      expect(await service.property('ExecMainStatus')).toBe('73');
      expect(await service.said()).toContain(
        'smmap: cannot listen on unix:/run/smmap/smmap.sock: the user smmap may give its socket only to a group that it is ' +
          'in, and it is not in the group postfix; for smmap.service, type systemctl edit smmap, write these lines, and ' +
          'type systemctl restart smmap:\n    [Service]\n    SupplementaryGroups=postfix\n    PrivateUsers=no\n    SystemCallFilter=@chown\n',
      );
    });

    test.for([
      ['postfix-group.conf', ['postfix-group.conf']],
      ['local-stores.conf and postfix-group.conf', ['local-stores.conf', 'postfix-group.conf']],
    ] as const)('the socket has the group postfix with %s', async ([, names], { onTestFinished }) => {
      const { service } = await serve(onTestFinished, GROUP + people(FRED), await dropInsOf(...names));
      expect([lstatSync(service.socket).mode & 0o777, lstatSync(service.socket).gid]).toEqual([0o660, 59_011]);
    });

    test.for([['local-stores.conf'], ['no-network.conf']])(
      'the daemon answers with %s, on a socket with the mode of its configuration, also from a store that root fills',
      async ([name = ''], { onTestFinished }) => {
        const config =
          '[store.local]\ndriver = "embedded"\npath = "/var/lib/smmap"\n[map.mailbox]\nstores = ["fixed", "local"]\n';
        const { service } = await serve(
          onTestFinished,
          people(FRED).replace('[map.mailbox]\n', config),
          await dropInsOf(name),
        );
        expect(lstatSync(service.socket).mode & 0o777).toBe(0o666);
        expect(await service.run('smmap', 'store', 'create')).toMatchObject({ code: 0 });
        expect(await service.run('smmap', 'mailbox', 'add', JOE)).toMatchObject({ code: 0 });
        expect(await service.ask(JOE)).toBe(`OK ${JOE}`);
        expect(await service.systemctl('reload', 'smmap')).toEqual(FINE);
      },
    );
  });
});
