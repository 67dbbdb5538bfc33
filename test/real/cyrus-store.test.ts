import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { StoreConfig } from '../../src/store/driver.ts';
import { type OpenStore, UNTOLD } from '../../src/store/open.ts';
import type { Question } from '../../src/vocabulary.ts';
import { openStore, parseConfig } from '../support/config.ts';
import { expectNoLies, tell } from '../support/faults.ts';
import { connectTo } from './client.ts';
import { type Cyrus, type StartOptions, findCyrus, lmtpRepliesOf } from './cyrus.ts';
import { cli, MAIN, makeFolder, serve } from './daemon.ts';
import { DELETED, MAILBOXES, ROWS, withoutDomains } from './matrix.ts';
import { findPostfixServer } from './mta-postfix.ts';
import { makeTrustedFolder } from './mta.ts';
import { PARTS, describePart, together } from './part.ts';
import { openSmtp } from './smtp.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

/** Writes the list as the timer does: beside it, then by a rename. */
async function snap(cyrus: Cyrus, file: string): Promise<void> {
  writeFileSync(`${file}.new`, await cyrus.dump());
  renameSync(`${file}.new`, file);
}

const storeOf = ({ smmapd }: Cyrus, folder: string, more = ''): string => `[store.cyrus]
  driver = "cyrus"
  server = "unix:${smmapd}"
  snapshot = "${folder}/mailboxes.json"
  default_domain = "default.test"
  canary = { mailbox = "fred@default.test" }
  ${more}
`;

/** A daemon over a Cyrus, and what it says of a key. */
async function serveOver(cyrus: Cyrus, map: string, more = '') {
  const folder = await makeFolder();
  const file = join(folder, 'mailboxes.json');
  await snap(cyrus, file);
  const config = `[listen.mta]\npath = "${folder}/s"\n${storeOf(cyrus, folder, more)}[map.mailbox]\n${map}\n`;
  const daemon = await serve({ folder, config });
  const client = await connectTo(daemon.socket);
  return { folder, file, daemon, ask: (key: string): Promise<string> => client.ask('mailbox', key) };
}

const mailbox = (local: string): Question => {
  return { about: 'mailbox', local, domain: 'default.test', exact: false, folder: null, anyCase: false };
};

const found = await findCyrus(PARTS);

describePart('a real Cyrus as a store', found, (installation) => {
  const start = async (options: Partial<StartOptions> = {}): Promise<Cyrus> => {
    const cyrus = await installation.start({ unixhierarchysep: true, postuser: '', virtdomains: 'userid', ...options });
    ends.push(() => cyrus.stop());
    return cyrus;
  };

  /** All that differs from smmapd, whatever imapd.conf says. */
  const DIFFERS: Readonly<Record<string, readonly string[]>> = {
    // smmapd reads a key up to a NUL; what is no domain; and lmtpd refuses a detail without a user, too.
    'OK -> NOTFOUND': ['fred\0x', 'fred@', '+joe@virt1.test', '+joe/abc@virt1.test', '+full@virt1.test'],
    'OK -> TEMP': ['+joe@virt1.test', '+joe/abc@virt1.test', '+full@virt1.test'],
    // A shared folder that nobody may post to has the state disabled.
    'PERM -> NOTFOUND': ['+shared', '+shared/lookup', '+shared/minus', '+shared/fred', '+news'],
    // A shared folder of another domain, which smmapd never finds, and lmtpd does. The list may have it.
    'NOTFOUND -> TEMP': [
      '+news.open@virt1.test',
      '+news/open@virt1.test',
      '+shared/open@virt1.test',
      '+joe@virt1.test',
      '+joe/abc@virt1.test',
      '+full@virt1.test',
    ],
    // The same, and other spellings of the same name.
    'NOTFOUND -> OK': [
      '+news/open@virt1.test',
      '+news.open@virt1.test',
      '"fred"',
      '"fred"@default.test',
      'fred@default.test.',
      'fred+Entwu\u0308rfe',
      '+shared/open@DEFAULT.TEST',
    ],
  };

  test.for<[string, Partial<StartOptions>]>([
    ['virtdomains: userid', {}],
    ['virtdomains: on', { virtdomains: 'on' }],
    ['unixhierarchysep: no', { unixhierarchysep: false }],
    ['virtdomains: off', { virtdomains: 'off' }],
    ['virtdomains: off, unixhierarchysep: no', { virtdomains: 'off', unixhierarchysep: false }],
    ['postuser: bb', { postuser: 'bb' }],
  ])('with %s says what smmapd says, or differs on purpose', async ([, options]) => {
    const cyrus = await start(options);
    const separator = options.unixhierarchysep === false ? '.' : '/';
    await cyrus.create(options.virtdomains === 'off' ? withoutDomains(separator) : MAILBOXES);
    await cyrus.remove(DELETED);
    const local = options.virtdomains === 'off' ? 'local_domains = ["*"]\n' : '';
    const postuser = options.postuser ?? '';
    const { ask } = await serveOver(
      cyrus,
      `default_domain = "default.test"\n${local}detail = { policy = "folder" }\nshared_user = "${postuser}"`,
      `separator = "${separator}"\npostuser = "${postuser}"`,
    );
    const smmapd = await connectTo(cyrus.smmapd);
    const wrong: string[] = [];
    const spellings = (key: string): string[] =>
      key.startsWith('+') && postuser !== '' ? [key, postuser + key] : [key];
    for (const key of ROWS.flatMap(([written]) => spellings(written))) {
      const [theirs, ours] = (await Promise.all([smmapd.ask('x', key), ask(key)])).map((reply) => reply.split(' ')[0]);
      const plain = key.replace(/^bb\+/, '+');
      if (theirs !== ours && DIFFERS[`${theirs} -> ${ours}`]?.includes(plain) !== true) {
        wrong.push(`${key}: ${theirs} -> ${ours}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test.for<[string, Partial<StartOptions>]>([
    ['virtdomains: userid', {}],
    ['virtdomains: off', { virtdomains: 'off' }],
    ['unixhierarchysep: no', { unixhierarchysep: false }],
    ['postuser: bb', { postuser: 'bb' }],
  ])('with %s refuses nobody whom lmtpd takes, also without shared_user', async ([, options]) => {
    const cyrus = await start(options);
    const { postuser = '', unixhierarchysep = true } = options;
    await cyrus.create(options.virtdomains === 'off' ? withoutDomains('/') : MAILBOXES);
    await cyrus.remove(DELETED);
    const folder = await makeFolder();
    await snap(cyrus, join(folder, 'mailboxes.json'));
    const local = options.virtdomains === 'off' ? '\nlocal_domains = ["*"]' : '';
    const more = `separator = "${unixhierarchysep ? '/' : '.'}"\npostuser = "${postuser}"`;
    const canary = 'canary = { mailbox = "fred@default.test" }';
    const config = `[listen.mta]
path = "${folder}/s"
${storeOf(cyrus, folder, more)}
[store.lmtp]
driver = "lmtp"
server = "unix:${cyrus.lmtp}"
${canary}
[store.socketmap]
driver = "socketmap"
server = "unix:${cyrus.smmapd}"
${canary}
${['cyrus', 'lmtp', 'socketmap'].map((name) => `[map.${name}]\nstores = ["${name}"]\ndefault_domain = "default.test"${local}\n`).join('')}`;
    const daemon = await serve({ folder, config });
    const client = await connectTo(daemon.socket);
    const keys = ROWS.map(([key]) => (key.startsWith('+') ? postuser + key : key));
    const lmtpd = await lmtpRepliesOf(cyrus.lmtp, keys);
    const believed: Readonly<Record<string, readonly string[]>> = {
      cyrus: ['fred@'], // what is no address
      lmtp: ['fred@', 'dot..dot'], // a mail server needs quotes for it, and lmtpd refuses it with quotes
      // smmapd finds no shared folder of another domain, and nobody tells this store the postuser.
      socketmap: ['fred@', 'bb+news/open@virt1.test', 'bb+news.open@virt1.test'],
    };
    const refused: string[] = [];
    for (const map of ['cyrus', 'lmtp', 'socketmap']) {
      for (const [at, key] of keys.entries()) {
        if (lmtpd[at] !== '250' || believed[map]?.includes(key) === true) continue;
        if ((await client.ask(map, key)).startsWith('NOTFOUND')) refused.push(`${map} ${key}`);
      }
    }
    expect(refused).toEqual([]);
    const shared = unixhierarchysep ? '+shared/MixedCase' : '+shared.MixedCase';
    expect(await client.ask('cyrus', postuser + shared)).toBe(`OK ${postuser}${shared}`);
    expect(await client.ask('cyrus', `${postuser}+none@default.test`)).toBe('NOTFOUND ');
  });

  test('while Cyrus is away, accepts who is in the list, and refuses nobody', async () => {
    const cyrus = await start();
    const names = /^user\/(?:fred|fred\/abc|full|full\/sub|a!b|gone|joe@virt1.test)$/;
    await cyrus.create(MAILBOXES.filter(({ name }) => names.test(name)));
    await cyrus.remove(['user/gone']);
    const { ask, daemon, file } = await serveOver(cyrus, 'detail = { policy = "folder", folder_case = "insensitive" }');
    expect(await ask('full@default.test')).toBe('TEMP mailbox is over quota');
    expect(await ask('gone@default.test')).toBe('NOTFOUND ');
    expect(await ask('fred+ABC@default.test')).toBe('OK fred+ABC@default.test');
    await cyrus.create([{ name: 'user/new' }]);
    cyrus.signal('SIGKILL', 'all');
    for (const key of ['fred', 'fred+abc', 'fred+ABC', 'a!b', 'full', 'joe'].map((each) => `${each}@default.test`)) {
      const address = key.replace('joe@default', 'joe@virt1');
      expect(await ask(address)).toBe(`OK ${address}`);
    }
    for (const local of ['new', 'gone', 'nobody', 'fred+none']) {
      expect(await ask(`${local}@default.test`)).toBe('TEMP lookup failed');
    }
    await daemon.logged('store_unavailable', ({ server }) => server === `unix:${cyrus.smmapd}`);
    renameSync(file, `${file}.away`);
    await expect.poll(() => ask('fred@default.test')).toBe('TEMP lookup failed');
    for (let at = 0; at < 3; at++) await ask('fred@default.test');
    await daemon.logged('store_unavailable', ({ server }) => server === file);
  });

  test('without its list, Cyrus says no to everybody, and smmap does not', async () => {
    const cyrus = await start();
    await cyrus.create([{ name: 'user/fred' }, { name: 'user/joe' }]);
    const { ask, daemon } = await serveOver(cyrus, '');
    renameSync(cyrus.list, `${cyrus.list}.away`);
    expect(await ask('joe@default.test')).toBe('OK joe@default.test');
    expect(await ask('nobody@default.test')).toBe('TEMP lookup failed');
    await daemon.logged('canary_failed');
    renameSync(`${cyrus.list}.away`, cyrus.list);
    await daemon.logged('canary_recovered');
    expect(await ask('nobody@default.test')).toBe('NOTFOUND ');
  });

  test('check names a list that is missing, or lacks the canary, and names that can never have mail', async () => {
    const cyrus = await start();
    await cyrus.create([{ name: 'user/joe' }]);
    const folder = await makeFolder();
    const limits = '[limits]\nsoft_connections = 5\nhard_connections = 10\n';
    const config = `[listen.mta]\npath = "${folder}/s"\n${limits}${storeOf(cyrus, folder)}[map.mailbox]\n`;
    writeFileSync(join(folder, 'smmap.toml'), config);
    const check = async (): Promise<string> => {
      const { stderr } = await cli(['check', '--config', join(folder, 'smmap.toml'), '--stores']);
      return stderr.replaceAll(folder, '');
    };
    expect(await check()).toContain('store.cyrus.snapshot: /mailboxes.json does not exist');
    await snap(cyrus, join(folder, 'mailboxes.json'));
    const said = await check();
    expect(said).toContain('server /mailboxes.json: does not find its canary fred@default.test');
    await cyrus.create([{ name: 'user/fred' }]);
    await snap(cyrus, join(folder, 'mailboxes.json'));
    expect(await check()).not.toContain('store cyrus');
    await cyrus.create([{ name: 'user/a b' }, { name: 'user/UPPER' }, { name: 'user/OTHER' }]);
    await snap(cyrus, join(folder, 'mailboxes.json'));
    const odd = await check();
    expect(odd).toContain('store cyrus: a b@default.test can never have mail: lmtpd takes no name with a blank');
    expect(odd).toContain('user.OTHER and 1 more can never have mail: its user is not in lower case (keys are)');
  });

  test('check wants local_domains if Cyrus does not compare the domain, and then finds no mistake', async () => {
    const cyrus = await start({ virtdomains: 'off' });
    await cyrus.create([{ name: 'user/fred' }, { name: 'user/postmaster' }]);
    const folder = await makeFolder();
    await snap(cyrus, join(folder, 'mailboxes.json'));
    const limits = '[limits]\nsoft_connections = 5\nhard_connections = 10\n';
    const config = `[listen.mta]\npath = "${folder}/s"\n${limits}${storeOf(cyrus, folder)}`;
    const check = async (map: string): Promise<string> => {
      writeFileSync(join(folder, 'smmap.toml'), `${config}[map.mailbox]\ndefault_domain = "default.test"\n${map}\n`);
      return (await cli(['check', '--config', join(folder, 'smmap.toml'), '--stores'])).stderr;
    };
    expect(await check('')).toContain(
      'finds postmaster@smmap.invalid among its mailboxes, so it does not compare the domain; correct its query; ' +
        'or if every domain has the same users, give its maps local_domains = ["*"]\n',
    );
    expect(await check('local_domains = ["*"]')).not.toContain('store cyrus');
  });

  test('forgets in its cache at once who was created, deleted or renamed, by the script of the docs', async () => {
    const folder = await makeFolder();
    await chmod(folder, 0o755);
    const docs = readFileSync(new URL('../../docs/stores/cyrus.md', import.meta.url), 'utf8');
    const [block = ''] = /^ {4}#!\/bin\/bash\n(?: {4}.*\n)+/m.exec(docs) ?? [];
    const forget = `${process.execPath} ${MAIN} cache forget --control unix:${folder}/control`;
    const script = block
      .replace(/^ {4}/gm, '')
      .replace('default=example.org', 'default=default.test')
      .replace('smmap cache forget --control unix:/run/smmap/smmap.sock.control', forget);
    expect(script).toContain(forget);
    await writeFile(join(folder, 'forget'), script, { mode: 0o755 });
    const cyrus = await start({ notifies: join(folder, 'forget'), settings: 'allowusermoves: yes\n' });
    await cyrus.create([{ name: 'user/fred' }]);
    await snap(cyrus, join(folder, 'mailboxes.json'));
    const more = 'cache = { negative_ms = 600000 }';
    const control = `[control]\npath = "${folder}/control"\nmode = "0666"\n`;
    const config = `${control}[listen.mta]\npath = "${folder}/s"\n${storeOf(cyrus, folder, more)}[map.mailbox]\n`;
    const daemon = await serve({ folder, config });
    const client = await connectTo(daemon.socket);
    const says = async (address: string): Promise<string> =>
      (await client.ask('mailbox', address)).split(' ')[0] as string;
    const ann = 'ann@default.test';
    const joe = 'joe@virt1.test';
    for (const address of [ann, joe, 'ben@default.test']) expect(await says(address)).toBe('NOTFOUND');
    const soon = { timeout: 20_000, interval: 50 };
    await cyrus.create([{ name: 'user/ann' }, { name: 'user/joe@virt1.test' }]);
    await expect.poll(() => says(ann), soon).toBe('OK');
    await expect.poll(() => says(joe), soon).toBe('OK');
    await cyrus.send('RENAME user/ann user/ben');
    await expect.poll(() => says('ben@default.test'), soon).toBe('OK');
    await expect.poll(() => says(ann), soon).toBe('NOTFOUND');
    await cyrus.remove(['user/joe@virt1.test']);
    await expect.poll(() => says(joe), soon).toBe('NOTFOUND');
  });

  const users = Array.from({ length: 50 }, (_, at) => `user${at}`);
  const present = users.map(mailbox);
  const absent = users.map((user) => mailbox(`no${user}`));

  describe('tells no lies, and finds who is in the list,', () => {
    const fill = async (more = ''): Promise<{ cyrus: Cyrus; store: OpenStore }> => {
      const cyrus = await start();
      await cyrus.create(['fred', ...users].map((user) => ({ name: `user/${user}` })));
      const folder = await makeFolder();
      await snap(cyrus, join(folder, 'mailboxes.json'));
      const places = { socket: '/nowhere/s', store: '/nowhere' };
      const config = parseConfig(`${storeOf(cyrus, folder, more)}[map.mailbox]\n`, 'test', places);
      const store = await openStore(config.stores.get('cyrus') as StoreConfig, UNTOLD);
      ends.push(() => store.close());
      return { cyrus, store };
    };

    test('when Cyrus is killed and started again', async () => {
      const { cyrus, store } = await fill();
      const fault = () => cyrus.signal('SIGKILL', 'all');
      tell('Cyrus, killed', await expectNoLies(store, { present, absent, fault, mend: () => cyrus.restart() }));
    });

    test('when it hangs', async () => {
      const { cyrus, store } = await fill('timeout_ms = 1_000');
      const fault = () => cyrus.signal('SIGSTOP', 'all');
      const mend = () => cyrus.signal('SIGCONT', 'all');
      tell('Cyrus, stopped', await expectNoLies(store, { present, absent, brokenMs: 1_500, fault, mend }));
    });

    test('when its own list is removed', async () => {
      const { cyrus, store } = await fill();
      const fault = () => renameSync(cyrus.list, `${cyrus.list}.away`);
      const mend = () => renameSync(`${cyrus.list}.away`, cyrus.list);
      const outcome = await expectNoLies(store, { present, absent, brokenMs: 1_500, fault, mend });
      tell('Cyrus, no list', outcome);
      expect(outcome.found).toBeGreaterThan(outcome.absent); // also while it was broken
    });
  });
});

const both = together({ postfix: await findPostfixServer(PARTS), installation: found });

describePart('a real Postfix that asks smmap over Cyrus', both, ({ postfix, installation }) => {
  test('takes and refuses a mailbox as soon as it is created and removed', async () => {
    const cyrus = await installation.start({ unixhierarchysep: true, postuser: '', virtdomains: 'userid' });
    ends.push(() => cyrus.stop());
    await cyrus.create([{ name: 'user/fred' }]);
    const { daemon, folder } = await serveOver(cyrus, '');
    await chmod(folder, 0o755);
    const trusted = await makeTrustedFolder();
    ends.push(() => rm(trusted, { recursive: true, force: true }));
    const written = join(trusted, 'written');
    await mkdir(written);
    const main = `virtual_mailbox_domains = default.test
virtual_mailbox_maps = socketmap:unix:${daemon.socket}:mailbox
virtual_transport = discard:
`;
    await writeFile(join(written, 'main.cf'), main);
    const mta = await postfix.start({
      folder: trusted,
      written,
      domain: 'default.test',
      virtual: [],
      aliasDomains: [],
      sockets: folder,
    });
    ends.push(() => mta.stop());

    const flow = await openSmtp(mta.port);
    const flowing = new AbortController();
    const codes = new Map<number, number>();
    const mails = (async () => {
      while (!flowing.signal.aborted) {
        for (const { code } of await flow.send(['fred@default.test'])) codes.set(code, (codes.get(code) ?? 0) + 1);
      }
    })();
    const asking = await openSmtp(mta.port);
    for (const name of ['ann', 'ben', 'cem']) {
      const code = async () => (await asking.recipients([`${name}@default.test`]))[0]?.code;
      expect(await code()).toBe(550);
      await cyrus.create([{ name: `user/${name}` }]);
      expect(await code()).toBe(250);
      await cyrus.remove([`user/${name}`]);
      expect(await code()).toBe(550);
    }
    flowing.abort();
    await mails;
    expect([...codes.keys()]).toEqual([250]);
    expect(codes.get(250)).toBeGreaterThan(5);
    flow.close();
    asking.close();
  });
});
