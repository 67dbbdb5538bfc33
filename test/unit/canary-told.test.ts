import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { assess } from '../../src/daemon/metrics/health.ts';
import type { StoreConfig } from '../../src/store/driver.ts';
import { createPasswd } from '../../src/store/driver/passwd/driver.ts';
import { CanaryError } from '../../src/store/guard/canary.ts';
import { type OpenStore, UNTOLD } from '../../src/store/open.ts';
import type { Question } from '../../src/vocabulary.ts';
import { openStore, parseConfig } from '../support/config.ts';
import { temporaryFolders } from '../support/folder.ts';
import { type Smtpd, startSmtpd, usual } from '../support/smtpd.ts';

// What the drivers maildir, smtp and passwd notice of their canary, they tell as all others do.

const newFolder = temporaryFolders();
const WAIT = { timeout: 8_000, interval: 20 };
const told: string[] = [];
const ends: (() => unknown)[] = [];
beforeEach(() => void told.splice(0));
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

async function open(keys: string): Promise<OpenStore> {
  const places = { socket: '/nowhere/s', store: '/nowhere' };
  const config = parseConfig(`[store.s]\n${keys}\n[map.mailbox]\n`, 'a.toml', places);
  const store = await openStore(config.stores.get('s') as StoreConfig, {
    ...UNTOLD,
    canary: () => ({ recovered: () => told.push('recovered'), failed: (cause) => told.push(String(cause)) }),
  });
  ends.push(() => store.close());
  return store;
}
const ask = async (store: OpenStore, local: string): Promise<unknown> => {
  const where = { local, domain: 'a.test', exact: false, folder: null, anyCase: false };
  const question: Question = { about: 'mailbox', ...where };
  return await Promise.resolve(store.lookup(question)).catch(String);
};
const unready = async (store: OpenStore): Promise<readonly string[]> =>
  (await assess([], new Map([['s', store]]))).unready;

it('a maildir store tells that its canary is gone, finds others meanwhile, and tells that it is back', async () => {
  const root = `${newFolder()}/vmail`;
  for (const local of ['canary', 'fred']) mkdirSync(`${root}/a.test/${local}/cur`, { recursive: true });
  const store = await open(
    `driver = "maildir"\npath = "${root}/{domain}/{local}"\ncanary = { mailbox = "canary@a.test" }`,
  );
  expect(await ask(store, 'nobody')).toBeNull();
  renameSync(`${root}/a.test/canary`, `${root}/away`);
  expect(await ask(store, 'nobody')).toContain('the canary is not found below');
  await expect.poll(() => told, WAIT).toHaveLength(1);
  expect(told[0]).toContain('the canary is not found below');
  expect(store.status().servers).toMatchObject([{ isTrusted: false, canaryFailures: 1 }]);
  expect(await unready(store)).toEqual(['store s: its canary fails']);
  expect(await ask(store, 'fred')).toMatchObject({ state: 'active' });
  renameSync(`${root}/away`, `${root}/a.test/canary`);
  await expect.poll(() => told.at(-1), WAIT).toBe('recovered');
  expect(await unready(store)).toEqual([]);
  expect(await ask(store, 'nobody')).toBeNull();
});

it('an smtp store tells that the next hop refuses its canary, and does not ask for it without need', async () => {
  let refusesAll = false;
  const smtpd: Smtpd = await startSmtpd({
    greeting: null,
    greet: () => '220 here\r\n',
    reply: (line) => (refusesAll && line.startsWith('RCPT') ? '550 5.1.1 no such user\r\n' : usual(line)),
  });
  ends.push(() => smtpd.stop());
  const store = await open(
    `driver = "smtp"\nserver = "tcp:127.0.0.1:${smtpd.port}"\nhelo = "me.test"\ncanary = { mailbox = "b@a.test" }`,
  );
  expect(smtpd.lines).toEqual([]);
  expect(await ask(store, 'a')).toMatchObject({ state: 'active' });
  refusesAll = true;
  expect(await ask(store, 'nobody')).toContain('refused, but so is b@a.test');
  await expect.poll(() => told, WAIT).toEqual(['CanaryError: the canary b@a.test is not found']);
  expect(await unready(store)).toEqual(['store s: its canary fails']);
  expect(smtpd.lines.filter((line) => line.includes('smmap-canary-that-is-not'))).toEqual([]);
});

it('a passwd store fails with an error of its canary if getent finds one of them not', async () => {
  const at = newFolder();
  const script = `${at}/getent`;
  writeFileSync(
    script,
    'shift; for name; do case $name in ann | fred) echo "$name:x:1000:100::/home/$name:/bin/sh";; esac; done\n',
  );
  const options = { domains: ['a.test'], uid: [1_000, 59_999], believe: [], timeoutMs: 5_000, etc: at } as const;
  writeFileSync(`${at}/nsswitch.conf`, 'passwd: files\n');
  writeFileSync(`${at}/passwd`, 'root:x:0:0::/root:/bin/sh\n');
  const about = (local: string): Question => {
    return { about: 'mailbox', local, domain: 'a.test', exact: false, folder: null, anyCase: false };
  };
  const whole = createPasswd({ ...options, canaries: ['ann', 'fred'], command: ['sh', script] });
  expect(await whole.lookupAll([about('fred'), about('nobody')])).toEqual([{ value: '', state: 'active' }, null]);
  const lost = createPasswd({ ...options, canaries: ['ann', 'gone'], command: ['sh', script] });
  await expect(lost.lookupAll([about('fred')])).rejects.toBeInstanceOf(CanaryError);
});
