import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished, expect, test } from 'vitest';
import { connectTo } from './client.ts';
import { type Daemon, cli, makeFolder, serve } from './daemon.ts';

const FRED = 'fred@example.org';
const WILMA = 'wilma@example.org';

/** A daemon with these `keys`, its state directory, and a client. */
async function serveWith(keys: string, given?: string) {
  const folder = given ?? (await makeFolder());
  const config = (how: string): string => `
[log]
level = "debug"
keys = "${how}"
[listen.mta]
path = "${join(folder, 'smmap.sock')}"
[store.fixed]
driver = "memory"
mailboxes = ["joe@example.org"]
aliases = ["${FRED} ${WILMA}", "${WILMA} ${FRED}"]
[map.mailbox]
aliases = true
`;
  const daemon = await serve({
    folder,
    config: config(keys),
    under: ['env', `STATE_DIRECTORY=${folder}`, `RUNTIME_DIRECTORY=${folder}`],
  });
  const client = await connectTo(daemon.socket);
  onTestFinished(() => client.close());
  return {
    folder,
    daemon,
    client,
    secret: join(folder, 'log-secret'),
    reload: async (how: string): Promise<void> => {
      await writeFile(join(folder, 'smmap.toml'), config(how));
      const before = daemon.log.filter(({ event }) => event === 'reloaded').length;
      daemon.signal('SIGHUP');
      await expect.poll(() => daemon.log.filter(({ event }) => event === 'reloaded').length).toBe(before + 1);
    },
  };
}

const logOf = ({ log }: Daemon): string => log.map((line) => JSON.stringify(line)).join('\n');

test('keys = "hash" keeps addresses out of the log, and smmap log reveal shows them, also after a restart', async () => {
  const { folder, daemon, client, secret } = await serveWith('hash');
  await client.ask('mailbox', FRED);
  await client.ask('mailbox', 'nobody@example.org');
  await daemon.logged('deferred');
  const { key } = await daemon.logged('refused');
  const hidden = logOf(daemon);
  expect(hidden).not.toMatch(/fred|wilma|nobody|example\.org/);
  expect(statSync(secret).mode & 0o777).toBe(0o600);

  const one = await cli(['log', 'reveal', '--secret', secret, String(key)]);
  expect(one).toMatchObject({ code: 0, stdout: 'nobody@example.org\n' });
  const all = await cli(['log', 'reveal', '--secret', secret], hidden);
  expect(all.code).toBe(0);
  expect(all.stdout).toContain(`aliases in a loop: ${FRED} -> ${WILMA} -> ${FRED}`);
  for (const line of all.stdout.trim().split('\n')) JSON.parse(line);

  client.close();
  await daemon.stop();
  const again = await serveWith('hash', folder);
  await again.client.ask('mailbox', 'nobody@example.org');
  expect((await again.daemon.logged('refused'))['key']).toBe(key);
});

test('keys = "domain" leaves only domains in the log, and a reload changes this', async () => {
  const { daemon, client, reload } = await serveWith('domain');
  await client.ask('mailbox', FRED);
  expect(await daemon.logged('deferred')).toMatchObject({
    key: '*@example.org',
    cause: 'aliases in a loop: *@example.org -> *@example.org -> *@example.org',
    listener: 'mta',
    stores: 'fixed',
  });
  expect(logOf(daemon)).not.toMatch(/fred|wilma/);
  await reload('plain');
  await client.ask('mailbox', 'nobody@example.org');
  expect(await daemon.logged('refused')).toMatchObject({ key: 'nobody@example.org' });
  await reload('hash');
  await client.ask('mailbox', 'someone@example.org');
  await daemon.logged('refused', (line) => String(line['key']).startsWith('hash:'));
  expect(logOf(daemon)).not.toContain('someone');
});

test('without a usable secret the log shows no address, lookups go on, and a reload tries again', async () => {
  const folder = await makeFolder();
  const file = join(folder, 'log-secret');
  writeFileSync(file, 'something else\n');
  const { daemon, client, reload, secret } = await serveWith('hash', folder);
  expect(await daemon.logged('log_secret_unusable')).toMatchObject({ level: 'error', file });
  expect(await client.ask('mailbox', 'joe@example.org')).toBe('OK joe@example.org');
  await client.ask('mailbox', 'nobody@example.org');
  const { key } = await daemon.logged('refused');
  expect(key).toMatch(/^hash:/);
  expect(readFileSync(file, 'utf8')).toBe('something else\n');
  const before = await cli(['log', 'reveal', '--secret', secret, String(key)]);
  expect(before).toMatchObject({ code: 74, stdout: '' });

  rmSync(file);
  await reload('hash');
  await client.ask('mailbox', 'other@example.org');
  const line = await daemon.logged('refused', (each) => each['key'] !== key);
  expect(await cli(['log', 'reveal', '--secret', secret, String(line['key'])])).toMatchObject({
    code: 0,
    stdout: 'other@example.org\n',
  });
  const old = await cli(['log', 'reveal', '--secret', secret, String(key)]);
  expect(old.code).toBe(65);
  expect(old.stderr).toContain('was not made with the secret');
  chmodSync(file, 0o600);
});
