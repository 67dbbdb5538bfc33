import { appendFileSync, renameSync, writeFileSync } from 'node:fs';
import { afterEach, expect, it, onTestFinished } from 'vitest';
import { createPasswd } from '../../src/store/driver/passwd/driver.ts';
import { createBatch } from '../../src/store/guard/batch.ts';
import { createBreaker } from '../../src/store/guard/breaker.ts';
import { createDeadline } from '../../src/store/guard/deadline.ts';
import type { Store } from '../../src/store/store.ts';
import type { Answer, Question } from '../../src/vocabulary.ts';
import { accountsPart, makeAccounts } from '../support/accounts.ts';
import { expectNoLies, tell, type Trial } from '../support/faults.ts';
import { temporaryFolders } from '../support/folder.ts';
import { LONG } from '../support/long.ts';
import { describePart } from './part.ts';

const folder = temporaryFolders();
const stores: Store[] = [];
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
});

const mailbox = (local: string, domain = 'example.org'): Question => {
  return { about: 'mailbox', local, domain, exact: false, folder: null, anyCase: false };
};
const people = Array.from({ length: 40 }, (_, at) => `user${at}`);
const TRIAL: Pick<Trial, 'present' | 'absent'> = {
  present: ['local', ...people].map((name) => mailbox(name)),
  absent: [...people.map((name) => mailbox(`no${name}`)), mailbox('daemon'), mailbox('user1', 'example.com')],
};

/**
 * Accounts of a server, and one of a file, with the guards that a store has. It is probed at once, so `change` changes
 * the files before.
 */
function open(
  believe: readonly string[] = ['smmap'],
  change: (at: string) => void = () => {},
): { readonly at: string; readonly store: Store } {
  const at = folder();
  const command = makeAccounts(at, ['local'], ['canary', ...people]);
  change(at);
  const more = { domains: ['example.org'], uid: [1_000, 59_999], canaries: ['canary'], timeoutMs: 1_500 } as const;
  const batched = createBatch(createPasswd({ ...more, believe, command, etc: at }), { most: 100, inFlight: 2 });
  const options = { failures: 3, probeMs: 500, probe: mailbox('smmap') };
  const store = createBreaker(createDeadline(batched, 1_500), options, { opened() {}, unavailable() {} });
  stores.push(store);
  return { at, store };
}

const ask = async (store: Store, local: string): Promise<Answer> => await store.lookup(mailbox(local));

describePart('the accounts of this system', accountsPart, () => {
  const setMode = (mode: string) => (at: string) => writeFileSync(`${at}/mode`, mode);
  it.each<[string, (at: string) => void, (at: string) => void]>([
    ['is unavailable', setMode('u'), setMode('w')],
    ['says that one should try again', setMode('t'), setMode('w')],
    ['hangs', setMode('h'), setMode('w')],
    [
      'has lost its accounts',
      (at) => renameSync(`${at}/remote`, `${at}/gone`),
      (at) => renameSync(`${at}/gone`, `${at}/remote`),
    ],
  ])('whose server %s refuse nobody, with 50 questions in flight', LONG, async (what, fault, mend) => {
    const { at, store } = open();
    const outcome = await expectNoLies(store, {
      ...TRIAL,
      brokenMs: 2_500,
      fault: () => fault(at),
      mend: () => mend(at),
    });
    tell(`accounts whose server ${what}`, outcome);
  });

  it('whose server comes and goes refuse nobody', LONG, async () => {
    const { at, store } = open();
    let timer: NodeJS.Timeout | undefined;
    onTestFinished(() => clearInterval(timer));
    let isDown = false;
    const outcome = await expectNoLies(store, {
      ...TRIAL,
      brokenMs: 3_000,
      fault() {
        timer = setInterval(() => {
          isDown = !isDown;
          setMode(isDown ? 'u' : 'w')(at);
        }, 100);
      },
      mend() {
        clearInterval(timer);
        setMode('w')(at);
      },
    });
    tell('accounts whose server comes and goes', outcome);
  });

  it('are found if they are in the range of uids, and absent only if all sources are believed', async () => {
    const { store } = open();
    expect(await ask(store, 'user1')).toEqual({ value: '', state: 'active' });
    expect(await ask(store, 'local')).not.toBeNull();
    expect(await ask(store, 'daemon')).toBeNull();
    expect(await ask(store, 'nobody-here')).toBeNull();
    const doubting = open([]).store;
    expect(await ask(doubting, 'user1')).not.toBeNull();
    expect(await ask(doubting, 'daemon')).toBeNull();
    await expect(ask(doubting, 'nobody-here')).rejects.toThrow('the source smmap of accounts may say so');
  });

  it.each([
    ['the second of two lines', 'passwd: files\npasswd: smmap files\n', ''],
    ['the first of two lines', 'passwd: smmap files\npasswd: files\n', ''],
    ['a line with a blank before its colon', 'passwd : files smmap\n', ''],
    ['a line without a colon', 'passwd files smmap\n', ''],
    ['a line of compat, for lines of passwd(5) with a +', 'passwd: compat\npasswd_compat: smmap\n', '+::::::\n'],
  ])('are uncertain if their server is named by %s', async (_, nsswitch, more) => {
    const { store } = open([], (at) => {
      writeFileSync(`${at}/nsswitch.conf`, nsswitch);
      appendFileSync(`${at}/passwd`, `canary:x:3000:3000::/:/bin/sh\n${more}`);
      setMode('u')(at);
    });
    await expect(ask(store, 'user1')).rejects.toThrow('the source smmap of accounts may say so');
  });

  it('are certain if compat has no line with a +, and names NIS without being asked', async () => {
    const { at, store } = open([], (dir) => {
      writeFileSync(`${dir}/nsswitch.conf`, 'passwd: compat\n');
      appendFileSync(`${dir}/passwd`, 'canary:x:3000:3000::/:/bin/sh\n');
    });
    expect(await ask(store, 'user1')).toBeNull();
    appendFileSync(`${at}/passwd`, '+::::::\n');
    await expect(ask(store, 'user1')).rejects.toThrow('the source nis of accounts may say so');
  });

  it.each(['0', '1001', '+5', '-1', '--help', '00', '4294967296', '#x', "o'brien; id", 'a:b'])(
    'are not asked for %j',
    async (local) => {
      await expect(ask(open().store, local)).rejects.toThrow('getent cannot be asked for such a name');
    },
  );

  it('are uncertain while /etc/passwd has no root, which systemd makes up', async () => {
    const { at, store } = open();
    writeFileSync(`${at}/passwd`, '');
    expect(await ask(store, 'user1')).not.toBeNull();
    await expect(ask(store, 'local')).rejects.toThrow('has no root: was it cut off?');
  });
});
