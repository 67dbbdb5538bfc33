import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { askOnce } from './client.ts';
import { type Daemon, cli, fill, makeFolder, serve, startDaemon } from './daemon.ts';
import { kindsConfig } from './kinds.ts';
import { PARTS, describePart } from './part.ts';
import { type Postfix, findPostfix } from './postfix.ts';

const MAILBOXES = ['fred@example.org', '"quo ted"@example.org', 'jörg@bücher.example', 'a+b@example.org'];

describePart('the real postmap', await findPostfix(PARTS), (postfix) => {
  const ask = (where: string, key: string): Promise<string> => outcome(postfix, where, key);
  let shared: Daemon;

  beforeAll(async () => {
    shared = await startDaemon({ args: ['--listen', 'tcp:127.0.0.1:0', '--listen', 'tcp:[::1]:0'] });
    await fill(join(shared.folder, 'store'), MAILBOXES);
    return () => shared.end();
  });

  test.for([
    ['finds a mailbox', 'fred@example.org', 'fred@example.org'],
    ['does not find its neighbour', 'freda@example.org', 'not found'],
    ['finds a mailbox whatever its case, and gets the key as it was asked', 'Fred@Example.ORG', 'Fred@Example.ORG'],
    ['finds a mailbox behind a detail', 'fred+lists@example.org', 'fred+lists@example.org'],
    ['finds a mailbox behind an empty detail', 'fred+@example.org', 'fred+@example.org'],
    ['finds a mailbox that has the separator in its name', 'a+b@example.org', 'a+b@example.org'],
    ['does not find the front of a name with a separator', 'a@example.org', 'not found'],
    ['finds a quoted local part', '"quo ted"@example.org', '"quo ted"@example.org'],
    ['finds a quoted local part without its quotes', 'quo ted@example.org', 'quo ted@example.org'],
    ['finds UTF-8 in both parts', 'jörg@bücher.example', 'jörg@bücher.example'],
    ['finds an A-label', 'JÖRG@xn--bcher-kva.example', 'JÖRG@xn--bcher-kva.example'],
    ['does not find a bare domain', 'example.org', 'temporary error'], // a bare user of a domain that nobody named
    ['does not find what cannot be an address', '@example.org', 'not found'],
  ] as const)('%s', async ([, key, expected]) => {
    expect(await ask(`unix:${shared.socket}`, key)).toBe(expected);
  });

  test.for([
    ['IPv4', '127.0.0.1'],
    ['IPv6', '[::1]'],
  ] as const)('asks over %s', async ([, host]) => {
    const where = shared.listeners.find((each) => each.startsWith(`tcp:${host}:`)) as string;
    const inet = where.replace('tcp:', 'inet:');
    expect(await ask(inet, 'fred@example.org')).toBe('fred@example.org');
    expect(await ask(inet, 'nobody@example.org')).toBe('not found');
  });

  test.for([
    ['has a mailbox', 'example.org', 'example.org'],
    ['has none', 'example.com', 'not found'],
    ['stands for one that has', 'sales.example', 'sales.example'],
  ] as const)('answers a domain map for a domain that %s', async ([, key, expected]) => {
    const folder = await makeFolder();
    const socket = join(folder, 'smmap.sock');
    await fill(join(folder, 'store'), MAILBOXES);
    await serve({
      folder,
      config: `
        [listen.mta]
        path = "${socket}"
        [store.local]
        driver = "embedded"
        path = "${join(folder, 'store')}"
        [map.mailbox]
        [map.domains]
        kind = "domain"
        alias_domains = { "sales.example" = "example.org" }
      `,
    });
    expect(await outcome(postfix, `unix:${socket}`, key, 'domains')).toBe(expected);
  });

  describe('through a map of each kind', () => {
    let daemon: Daemon;
    beforeAll(async () => {
      const folder = await mkdtemp(join(tmpdir(), 'smmap-'));
      daemon = await startDaemon({ folder, config: kindsConfig(folder) });
      return async () => {
        await daemon.end();
        await rm(folder, { recursive: true, force: true });
      };
    });

    test.for([
      ['a mailbox map does not find an alias', 'mailbox', 'info@example.org', 'not found'],
      ['one that accepts aliases does', 'recipient', 'info@example.org', 'info@example.org'],
      ['and one with a detail', 'recipient', 'user2+abc@example.org', 'user2+abc@example.org'],
      ['and whom a catch-all catches', 'recipient', 'anybody@caught.example', 'anybody@caught.example'],
      ['but nobody else', 'recipient', 'nobody@example.org', 'not found'],
      ['and a mailing list that leads to itself', 'recipient', 'list@lists.example', 'list@lists.example'],
      ['and who exists where an alias domain leads', 'recipient', 'fred@old.example', 'fred@old.example'],
      ['but not who does not exist there', 'recipient', 'nobody@old.example', 'not found'],
      ['nor who is disabled there', 'recipient', 'off@old.example', 'not found'],
      ['and of a loop it is not certain', 'recipient', 'x@loop.example', 'temporary error'],
      [
        'a mailbox map can be a table of transports',
        'transport',
        'fred@example.org',
        'lmtp:unix:/run/example.org/lmtp',
      ],
      ['which has nothing for the star', 'transport', '*', 'not found'],
      ['an alias', 'virtual', 'info@example.org', 'fred@example.org, fred@example.com'],
      ['one of two who copy each other', 'virtual', 'ben@example.org', 'ben@example.org, ann@example.org'],
      ['an alias with a detail', 'virtual', 'user2+aBc@example.org', 'user1+aBc@example.org'],
      ['an alias with a bare target', 'virtual', 'local+x@example.org', 'user1+x'],
      ['a catch-all', 'virtual', 'anybody@caught.example', 'fred@example.org'],
      ['a mailbox, which no catch-all takes', 'virtual', 'pat+x@caught.example', 'not found'],
      ['a mailbox, which a catch-all takes as in Postfix', 'any', 'pat@caught.example', 'fred@example.org'],
      ['a catch-all that keeps the local part', 'virtual', 'Pat+x@old.example', 'Pat+x@example.org'],
      ['a mailbox of a domain that stands for another', 'virtual', 'fred@sales.example', 'fred@example.org'],
      ['a mailbox is no alias', 'virtual', 'fred@example.org', 'not found'],
      ['nobody is no alias', 'virtual', 'nobody@example.org', 'not found'],
      ['a loop', 'virtual', 'y@loop.example', 'temporary error'],
      ['a bare alias domain', 'virtual', 'lists.example', 'lists.example'],
      ['a bare domain with mailboxes', 'virtual', 'example.org', 'not found'],
      ['a bare foreign domain', 'virtual', 'example.net', 'not found'],
      ['a domain with mailboxes', 'domains', 'example.org', 'example.org'],
      ['a domain of a class', 'relay', 'far.example', 'far.example'],
      ['a domain of another class', 'relay', 'example.org', 'not found'],
      ['a value of a table', 'access', 'spam.example', 'REJECT'],
      ['no value of a table', 'access', 'ham.example', 'not found'],
    ] as const)('%s', async ([, map, key, expected]) => {
      expect(await outcome(postfix, `unix:${daemon.socket}`, key, map)).toBe(expected);
    });
  });

  test('does not log an address without an alias as refused', async () => {
    const folder = await makeFolder();
    const daemon = await serve({ folder, config: kindsConfig(folder) });
    for (const map of ['virtual', 'domains', 'access', 'mailbox']) {
      expect(await outcome(postfix, `unix:${daemon.socket}`, 'nobody@example.org', map)).toBe('not found');
    }
    const line = await daemon.logged('refused');
    expect(line).toMatchObject({ map: 'mailbox', key: 'nobody@example.org' });
  });

  test('answers a thousand keys in one run, of which every third is absent', async () => {
    const daemon = await serve();
    const users = Array.from({ length: 1_000 }, (_, at) => `user${at}@example.org`);
    const there = users.filter((_, at) => at % 3 !== 0);
    await fill(join(daemon.folder, 'store'), there);
    const { code, stdout, stderr } = await postfix.postmap(
      ['-q', '-', `socketmap:unix:${daemon.socket}:mailbox`],
      users.join('\n'),
    );
    expect(stderr).toBe('');
    expect(stdout.trim().split('\n')).toEqual(there.map((user) => `${user}\t${user}`));
    expect(code).toBe(0);
  });

  test.for([
    ['stopped in order', 'SIGTERM'],
    ['killed, which leaves its socket file', 'SIGKILL'],
  ] as const)('loses no lookup if the daemon was %s and started again between two lookups', async ([, signal]) => {
    const folder = await makeFolder();
    await fill(join(folder, 'store'), ['fred@example.org', 'wilma@example.org']);
    const config = `
      log.level = "debug"
      limits.stop_ms = 200
      listen.mta.path = "${join(folder, 'smmap.sock')}"
      store.local = { driver = "embedded", path = "${join(folder, 'store')}" }`;
    const first = await serve({ folder, config });
    let second: Daemon | null = null;
    async function* keys() {
      yield 'fred@example.org\n';
      await first.logged('accepted', (line) => line['key'] === 'fred@example.org');
      // It is answered in full once another client was answered after it: the daemon logs before it writes.
      await askOnce(first.socket, 'mailbox', 'fred@example.org');
      await first.stop(signal);
      second = await serve({ folder, config });
      yield 'wilma@example.org\n';
    }
    const { code, stdout, stderr } = await postfix.postmap(
      ['-q', '-', `socketmap:unix:${first.socket}:mailbox`],
      keys(),
    );
    expect(stderr).toBe('');
    expect(stdout).toBe('fred@example.org\tfred@example.org\nwilma@example.org\twilma@example.org\n');
    expect(code).toBe(0);
    await (second as Daemon | null)?.logged('accepted', (line) => line['key'] === 'wilma@example.org');
  });

  test('gets a temporary error from an empty store until the first mailbox is added', async () => {
    const daemon = await serve();
    expect(await ask(`unix:${daemon.socket}`, 'fred@example.org')).toBe('temporary error');
    await cli(['mailbox', 'add', '--store', join(daemon.folder, 'store'), 'fred@example.org']);
    expect(await ask(`unix:${daemon.socket}`, 'fred@example.org')).toBe('fred@example.org');
    expect(await ask(`unix:${daemon.socket}`, 'wilma@example.org')).toBe('not found');
  });
});

/** The value that was found, or what else happened; one that is neither throws. */
async function outcome(postfix: Postfix, where: string, key: string, map = 'mailbox'): Promise<string> {
  const { code, stdout, stderr } = await postfix.postmap(['-q', key, `socketmap:${where}:${map}`]);
  if (code === 0 && stderr === '') return stdout.trimEnd();
  if (code === 1 && stdout === '' && stderr === '') return 'not found';
  if (code === 1 && stdout === '' && stderr.includes('temporary error')) return 'temporary error';
  throw new Error(`postmap ended with ${code}: ${stdout}${stderr}`);
}
