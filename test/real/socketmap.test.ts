import { chmodSync, renameSync, writeFileSync } from 'node:fs';
import { type Socket, connect } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import type { StoreConfig } from '../../src/store/driver.ts';
import { type OpenStore, UNTOLD } from '../../src/store/open.ts';
import type { Question } from '../../src/vocabulary.ts';
import { openStore, parseConfig } from '../support/config.ts';
import { expectNoLies, tell } from '../support/faults.ts';
import { connectTo } from './client.ts';
import { type Cyrus, type StartOptions, findCyrus } from './cyrus.ts';
import { cli, makeFolder, serve } from './daemon.ts';
import { DELETED, MAILBOXES, ROWS } from './matrix.ts';
import { PARTS, describePart, together } from './part.ts';
import { findPostfix } from './postfix.ts';

const CANARY = 'canary = { mailbox = "fred@default.test" }';
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

/** `[store.cyrus]` of a configuration. */
const storeOf = ({ smmapd }: Cyrus, more = ''): string =>
  `[store.cyrus]\ndriver = "socketmap"\nserver = "unix:${smmapd}"\n${CANARY}\n${more}\n`;

async function openOver(cyrus: Cyrus, more = ''): Promise<OpenStore> {
  const places = { socket: '/nowhere/s', store: '/nowhere' };
  const config = parseConfig(`${storeOf(cyrus, more)}[map.cyrus]\n`, 'test', places);
  const store = await openStore(config.stores.get('cyrus') as StoreConfig, UNTOLD);
  ends.push(() => store.close());
  return store;
}

/** A daemon with a map `cyrus`, and what it says of a key. */
async function serveOver(cyrus: Cyrus, map: string, more = '') {
  const folder = await makeFolder();
  const config = `[listen.mta]\npath = "${folder}/s"\n${storeOf(cyrus, more)}[map.cyrus]\n${map}\n`;
  const daemon = await serve({ folder, config });
  const client = await connectTo(daemon.socket);
  return { daemon, ask: (key: string): Promise<string> => client.ask('cyrus', key) };
}

const mailbox = (local: string): Question => {
  return { about: 'mailbox', local, domain: 'default.test', exact: false, folder: null, anyCase: false };
};

const found = await findCyrus(PARTS);
const both = together({ postfix: await findPostfix(PARTS), installation: found });

describePart('a real smmapd as a store', found, (installation) => {
  const start = async (options: Partial<StartOptions> = {}): Promise<Cyrus> => {
    const cyrus = await installation.start({ unixhierarchysep: true, postuser: '', virtdomains: 'userid', ...options });
    ends.push(() => cyrus.stop());
    return cyrus;
  };

  test('says of all keys of the matrix what smmapd says, or differs on purpose', async () => {
    const cyrus = await start();
    await cyrus.create(MAILBOXES);
    await cyrus.remove(DELETED);
    const map = 'default_domain = "default.test"\ndetail = { policy = "folder" }\nshared_user = ""';
    const { ask } = await serveOver(cyrus, map, 'disabled = ["Permission denied"]');
    const said: Record<string, string[]> = {};
    for (const [key, smmapd] of ROWS) {
      const word = (await ask(key)).split(' ')[0] as string;
      if (word !== smmapd) (said[`${smmapd} -> ${word}`] ??= []).push(key);
    }
    expect(said).toEqual({
      // The detail of a mailbox that may have a + in its name is folded; quotes and a dot at the end are none of a name.
      'NOTFOUND -> OK': [
        'fred+Abc',
        'FRED+ABC',
        '"fred"',
        '"fred"@default.test',
        'fred@default.test.',
        'fred+Entwu\u0308rfe',
        '+shared/open@DEFAULT.TEST',
        '+Shared/open',
      ],
      // A shared folder may be in another domain, or below another postuser.
      'NOTFOUND -> TEMP': [
        '+shared/closed',
        '+shared/mixedcase',
        '+news/open@virt1.test',
        '+news.open@virt1.test',
        '+user/fred',
        '+user.fred',
        '+user.posted',
        '+DELETED/user/gone',
        '+shared.open',
        '+shared/open@virt1.test',
        '+shared/open+x',
        '+virt1.test!news.open',
      ],
      'OK -> NOTFOUND': ['fred\0x'],
      'PERM -> NOTFOUND': ['+shared', '+shared/lookup', '+shared/minus', '+shared/fred', '+news'], // states.disabled
    });
  });

  test('a full mailbox is over quota, and a shared folder without the right to post disabled', async () => {
    const cyrus = await start();
    await cyrus.create(MAILBOXES.filter(({ name }) => /^(?:user\/(?:fred|qmsg)|shared|shared\/lookup)$/.test(name)));
    const more = 'disabled = ["Permission denied"]';
    const store = await openOver(cyrus, more);
    expect(await store.lookup(mailbox('qmsg'))).toEqual({ value: '', state: 'overquota' });
    const shared: Question = { ...mailbox(''), folder: 'shared/lookup' } as Question;
    expect(await store.lookup(shared)).toEqual({ value: '', state: 'disabled' });
    await expect((async () => await store.lookup({ ...shared, folder: 'shared/none' } as Question))()).rejects.toThrow(
      'does not find a shared folder',
    );
  });

  test('a folder that Postfix asks for in lower case is a doubt, and its mailbox is not', async () => {
    const cyrus = await start();
    await cyrus.create([{ name: 'user/fred' }, { name: 'user/fred/Abc' }]);
    const { ask } = await serveOver(cyrus, 'detail = { policy = "folder", folder_case = "insensitive" }');
    expect(await ask('fred+Abc@default.test')).toBe('OK fred+Abc@default.test');
    expect(await ask('fred+abc@default.test')).toBe('TEMP lookup failed');
    expect(await ask('nobody+abc@default.test')).toBe('NOTFOUND ');
  });

  test('a list says yes before it, and it is asked before any no', async () => {
    const cyrus = await start();
    await cyrus.create([{ name: 'user/fred' }, { name: 'user/new' }]);
    const list = '[store.list]\ndriver = "memory"\nmailboxes = ["fred@default.test", "old@default.test"]\n';
    const { ask, daemon } = await serveOver(cyrus, 'stores = ["list", "cyrus"]', list);
    expect(await ask('fred@default.test')).toBe('OK fred@default.test');
    expect(await ask('old@default.test')).toBe('OK old@default.test');
    expect(await ask('new@default.test')).toBe('OK new@default.test');
    expect(await ask('nobody@default.test')).toBe('NOTFOUND ');
    cyrus.signal('SIGKILL', 'all');
    expect(await ask('fred@default.test')).toBe('OK fred@default.test');
    expect(await ask('new@default.test')).toBe('TEMP lookup failed');
    expect(await ask('nobody@default.test')).toBe('TEMP lookup failed');
    await daemon.logged('store_unavailable');
    await cyrus.restart();
    await daemon.logged('store_opened', ({ store }) => store === 'cyrus');
    await expect.poll(() => ask('new@default.test')).toBe('OK new@default.test');
    expect(await ask('nobody@default.test')).toBe('NOTFOUND ');
  });

  test('check --stores names a folder that may not be entered, a server that does not run, and an absent canary', async () => {
    const cyrus = await start();
    const folder = await makeFolder();
    const { code, stderr } = await checked(folder, storeOf(cyrus));
    expect(code).toBe(65);
    expect(stderr).toContain('store cyrus: does not find its canary fred@default.test among its mailboxes');
    await cyrus.create([{ name: 'user/fred' }]);
    expect((await checked(folder, storeOf(cyrus))).stderr).not.toContain('store cyrus');
    if (process.getuid?.() === 0) {
      chmodSync(folder, 0o755);
      const closed = await checked(folder, storeOf(cyrus), ['--user', 'nobody']);
      const place = dirname(cyrus.smmapd);
      expect(closed.stderr).toContain(
        `If it is the last one:\n    namei -l ${cyrus.smmapd}\n` +
          `    echo 'a+ ${place} - - - - user:nobody:x' > /etc/tmpfiles.d/smmap-cyrus.conf\n    systemd-tmpfiles --create\n`,
      );
    }
    cyrus.signal('SIGKILL', 'all');
    const dead = await checked(folder, storeOf(cyrus));
    expect(dead.stderr).toContain('start the server, or correct server. These sockets are there:\n    ls -l ');
    expect(dead.code).toBe(69);
  });

  const users = Array.from({ length: 50 }, (_, at) => `user${at}`);
  const present = users.map(mailbox);
  const absent = users.map((user) => mailbox(`no${user}`));
  const fill = async (options: Partial<StartOptions> = {}): Promise<Cyrus> => {
    const cyrus = await start(options);
    await cyrus.create(['fred', ...users].map((user) => ({ name: `user/${user}` })));
    return cyrus;
  };

  describe('tells no lies', () => {
    test('when Cyrus is killed and started again', async () => {
      const cyrus = await fill();
      const store = await openOver(cyrus);
      const fault = () => cyrus.signal('SIGKILL', 'all');
      tell('smmapd, killed', await expectNoLies(store, { present, absent, fault, mend: () => cyrus.restart() }));
    });

    test('when its processes are killed, and master makes new ones', async () => {
      const cyrus = await fill();
      const store = await openOver(cyrus);
      const fault = () => cyrus.signal('SIGKILL', 'smmapd');
      const trial = { present, absent, fault, fails: false, mend() {} };
      tell('smmapd, its processes killed', await expectNoLies(store, trial));
    });

    test('when its processes hang', async () => {
      const cyrus = await fill();
      const store = await openOver(cyrus, 'timeout_ms = 1_000');
      const fault = () => cyrus.signal('SIGSTOP', 'all');
      const mend = () => cyrus.signal('SIGCONT', 'all');
      tell('smmapd, stopped', await expectNoLies(store, { present, absent, brokenMs: 1_500, fault, mend }));
    });

    test('when its list of mailboxes is removed, and it makes an empty one', async () => {
      const cyrus = await fill();
      const store = await openOver(cyrus);
      const fault = () => renameSync(cyrus.list, `${cyrus.list}.away`);
      const mend = () => renameSync(`${cyrus.list}.away`, cyrus.list);
      tell('smmapd, no list', await expectNoLies(store, { present, absent, brokenMs: 1_500, fault, mend }));
    });

    test('when others take all its processes', async () => {
      const cyrus = await fill({ maxchild: 4 });
      const store = await openOver(cyrus, 'connections = 4\ntimeout_ms = 1_000');
      let others: Socket[] = [];
      const fault = async (): Promise<void> => {
        others = Array.from({ length: 8 }, () => connect(cyrus.smmapd));
        cyrus.signal('SIGKILL', 'smmapd'); // ours end, and theirs are first in the queue
        await sleep(50);
      };
      const mend = () => others.forEach((socket) => socket.destroy());
      tell('smmapd, no process free', await expectNoLies(store, { present, absent, brokenMs: 1_500, fault, mend }));
    });

    test('when a process spins because another client cut a request in two', async () => {
      const cyrus = await fill();
      const store = await openOver(cyrus);
      const fault = async (): Promise<void> => {
        const socket = connect(cyrus.smmapd).on('error', () => {});
        socket.write('x:');
        await sleep(200);
        socket.destroy();
      };
      const mend = () => cyrus.signal('SIGKILL', 'smmapd');
      tell('smmapd, one spins', await expectNoLies(store, { present, absent, fails: false, fault, mend }));
    });
  });
});

describePart('postmap and a real smmapd behind smmap', both, ({ postfix, installation }) => {
  test('finds who exists, not who does not, and fails while Cyrus is away', async () => {
    const cyrus = await installation.start({ unixhierarchysep: true, postuser: '', virtdomains: 'userid' });
    ends.push(() => cyrus.stop());
    await cyrus.create([{ name: 'user/fred' }]);
    const { daemon } = await serveOver(cyrus, '');
    const ask = (key: string) => postfix.postmap(['-q', key, `socketmap:unix:${daemon.socket}:cyrus`]);
    expect(await ask('fred@default.test')).toMatchObject({ code: 0, stdout: 'fred@default.test\n' });
    expect(await ask('nobody@default.test')).toMatchObject({ code: 1, stdout: '', stderr: '' });
    cyrus.signal('SIGKILL', 'all');
    expect((await ask('nobody@default.test')).stderr).toContain('temporary error');
  });
});

function checked(folder: string, store: string, more: readonly string[] = []) {
  const file = join(folder, 'smmap.toml');
  const limits = '[limits]\nsoft_connections = 5\nhard_connections = 10\n';
  writeFileSync(file, `[listen.mta]\npath = "${folder}/s"\n${limits}${store}[map.cyrus]\n`);
  return cli(['check', '--config', file, '--stores', ...more]);
}
