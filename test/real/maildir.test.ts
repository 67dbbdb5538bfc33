import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import type { StoreConfig } from '../../src/store/driver.ts';
import { createMaildir } from '../../src/store/driver/maildir/driver.ts';
import { withFolders } from '../../src/store/driver/maildir/folders.ts';
import { type Layout, parseLayout } from '../../src/store/driver/maildir/layout.ts';
import { type OpenStore, UNTOLD } from '../../src/store/open.ts';
import type { Answer, MailboxQuestion, Question } from '../../src/vocabulary.ts';
import { openStore, parseConfig } from '../support/config.ts';
import { expectNoLies, tell, type Trial } from '../support/faults.ts';
import { temporaryFolders } from '../support/folder.ts';
import { cannotHang, hang } from '../support/hung.ts';
import { LONG } from '../support/long.ts';
import { makeMaildirs } from '../support/maildirs.ts';

const folder = temporaryFolders();
const stores: OpenStore[] = [];
const mounted: string[] = [];
afterEach(async () => {
  process.seteuid?.(0);
  for (const store of stores.splice(0)) await store.close();
  for (const path of mounted.splice(0)) unmount(path); // as often as it was mounted
});

const canary = (domain: string, local: string): MailboxQuestion => {
  return { about: 'mailbox', local, domain, exact: false, folder: null, anyCase: false };
};
const layoutOf = (root: string): Layout => parseLayout(`${root}/{domain}/{local}`) as Layout;
const mailbox = (local: string, domain = 'example.org', detail: string | null = null, anyCase = false): Question => {
  return { about: 'mailbox', local, domain, exact: false, folder: detail, anyCase };
};
const TRIAL: Pick<Trial, 'present' | 'absent'> = {
  present: Array.from({ length: 100 }, (_, at) => mailbox(`user${at}`)),
  absent: [
    ...Array.from({ length: 100 }, (_, at) => mailbox(`nobody${at}`)),
    mailbox('user1', 'example.com'),
    { about: 'domain', domain: 'example.com' },
  ],
};

async function open(root: string, more = '', whose = 'canary@canary.example'): Promise<OpenStore> {
  const toml = `[store.boxes]
driver = "maildir"
path = "${root}/{domain}/{local}"
canary = { mailbox = "${whose}" }
${more}
[map.mailbox]
`;
  const config = parseConfig(toml, 'a.toml', { socket: '/nowhere/s', store: '/nowhere' });
  const store = await openStore(config.stores.get('boxes') as StoreConfig, UNTOLD);
  stores.push(store);
  return store;
}

/** Makes a hundred mailboxes. */
function make(): string {
  const root = `${folder()}/vmail`;
  makeMaildirs(
    root,
    Array.from({ length: 100 }, (_, at) => {
      return { about: 'mailbox', local: `user${at}`, domain: 'example.org', state: 'active', value: '', folders: [] };
    }),
  );
  return root;
}

const ask = async (store: OpenStore, question: Question): Promise<Answer> => await store.lookup(question);

describe('mailboxes that are folders, with 50 questions in flight', () => {
  /** What breaks them, and what mends them. They are mounted at `root`, from the folder `root`.disk. */
  const FAULTS: readonly (readonly [what: string, fault: (root: string) => void, mend: (root: string) => void])[] = [
    ['are not mounted', unmount, mount],
    [
      'are mounted over by an empty file system',
      (root) => void execFileSync('mount', ['-t', 'tmpfs', 'none', root]),
      unmount,
    ],
  ];
  it.skipIf(cannotHang !== null).each(FAULTS)('that %s never refuse who is there', LONG, async (what, fault, mend) => {
    const root = make();
    renameSync(root, `${root}.disk`);
    mkdirSync(root);
    mount(root);
    const store = await open(root);
    const outcome = await expectNoLies(store, { ...TRIAL, fault: () => fault(root), mend: () => mend(root) });
    tell(`mailboxes that ${what}`, outcome);
  });

  it.skipIf(cannotHang !== null)('of one domain that are not mounted never refuse who is there', LONG, async () => {
    const root = make();
    renameSync(`${root}/example.org`, `${root}/example.org.disk`);
    mkdirSync(`${root}/example.org`);
    mount(`${root}/example.org`);
    const store = await open(root);
    const outcome = await expectNoLies(store, {
      ...TRIAL,
      fault: () => unmount(`${root}/example.org`),
      mend: () => mount(`${root}/example.org`),
    });
    tell('mailboxes of a domain that is not mounted', outcome);
  });

  it.skipIf(cannotHang !== null)('that are mounted and unmounted all the time never refuse', LONG, async () => {
    const root = make();
    renameSync(root, `${root}.disk`);
    mkdirSync(root);
    mount(root);
    const store = await open(root);
    let timer: NodeJS.Timeout | undefined;
    onTestFinished(() => clearInterval(timer));
    let isMounted = true;
    const toggle = (): void => {
      if (isMounted) unmount(root);
      else mount(root);
      isMounted = !isMounted;
    };
    const outcome = await expectNoLies(store, {
      ...TRIAL,
      brokenMs: 3_000,
      fault() {
        timer = setInterval(toggle, 15);
      },
      mend() {
        clearInterval(timer);
        if (!isMounted) toggle();
      },
    });
    tell('mailboxes that are mounted and unmounted all the time', outcome);
  });

  it.skipIf(cannotHang !== null)('on a file server that hangs never refuse who is there', LONG, async () => {
    const root = make();
    const store = await open(root);
    let mend = (): void => {};
    let otherMs = Infinity;
    const outcome = await expectNoLies(store, {
      ...TRIAL,
      brokenMs: 4_000,
      async fault() {
        mend = hang(root);
        await new Promise((resolve) => setTimeout(resolve, 2_000));
        const begun = performance.now();
        await stat(dirname(root)); // a thread of Node is left for others
        otherMs = performance.now() - begun;
      },
      mend: () => mend(),
    });
    tell('mailboxes on a file server that hangs', outcome);
    expect(otherMs).toBeLessThan(1_900); // it hangs for 2 s more
  });
});

describe('mailboxes that are folders', () => {
  it('are found with their folders, and full ones by maildirsize', async () => {
    const root = make();
    const store = await open(root, 'quota = true');
    mkdirSync(`${root}/example.org/user1/.Entw&APw-rfe`);
    mkdirSync(`${root}/example.org/user1/.lists.deep`);
    writeFileSync(`${root}/example.org/user1/.file`, '');
    const folderOf = (detail: string, anyCase = false): Promise<Answer> =>
      ask(store, mailbox('user1', 'example.org', detail, anyCase));
    expect(await folderOf('Entwürfe')).not.toBeNull();
    expect(await folderOf('ENTWÜRFE', true)).not.toBeNull();
    expect(await folderOf('ENTWÜRFE')).toBeNull();
    expect(await folderOf('lists/deep')).not.toBeNull();
    expect(await folderOf('lists')).toBeNull();
    expect(await folderOf('file')).toBeNull();
    expect(await folderOf('./user2')).toBeNull();
    writeFileSync(`${root}/example.org/user1/maildirsize`, '1000S,10C\n900 1\n200 1\n-100 -1\n');
    expect(await ask(store, mailbox('user1'))).toEqual({ value: '', state: 'overquota' });
    writeFileSync(`${root}/example.org/user1/maildirsize`, '1000S,10C\n900 1\n');
    expect(await ask(store, mailbox('user1'))).toEqual({ value: '', state: 'active' });
    writeFileSync(`${root}/example.org/user1/maildirsize`, 'garbage\n');
    await expect(ask(store, mailbox('user1'))).rejects.toThrow('maildirsize');
  });

  it('answer for their domains', async () => {
    const store = await open(make());
    expect(await ask(store, { about: 'domain', domain: 'example.org' })).toEqual({ value: 'mailbox', state: 'active' });
    expect(await ask(store, { about: 'domain', domain: 'example.com' })).toBeNull();
    await expect(ask(store, { about: 'domain', domain: '..' })).rejects.toThrow('no folder can have such a name');
  });

  it.each([
    ['a link that leads nowhere', 'link', 'is a link that leads nowhere'],
    ['a file', 'file', 'is not a folder'],
    ['two dots', '..', 'no folder can have such a name'],
    ['a path', '../canary.example/canary', 'no folder can have such a name'],
    ['a folder of the file system', 'lost+found', 'lost+found is a folder of the file system'],
  ])('are uncertain of %s', async (_, local, said) => {
    const root = make();
    const store = await open(root);
    symlinkSync('/nowhere/at/all', `${root}/example.org/link`);
    writeFileSync(`${root}/example.org/file`, '');
    mkdirSync(`${root}/example.org/lost+found`);
    await expect(ask(store, mailbox(local))).rejects.toThrow(said);
    expect(await ask(store, mailbox('nobody'))).toBeNull();
  });

  it('are uncertain of a domain whose folder is empty', async () => {
    const root = make();
    const store = await open(root);
    mkdirSync(`${root}/empty.example`);
    await expect(ask(store, mailbox('fred', 'empty.example'))).rejects.toThrow('is a file system not mounted there?');
    expect(await ask(store, mailbox('nobody'))).toBeNull();
    rmSync(`${root}/canary.example/canary`, { recursive: true });
    await expect(ask(store, mailbox('nobody'))).rejects.toThrow('canary');
  });

  it('are uncertain of the folders of a mailbox that is empty', async () => {
    const root = make();
    const store = await open(root);
    mkdirSync(`${root}/example.org/fred`);
    expect(await ask(store, mailbox('fred'))).not.toBeNull();
    await expect(ask(store, mailbox('fred', 'example.org', 'abc'))).rejects.toThrow('is a file system not mounted');
    expect(await ask(store, mailbox('user1', 'example.org', 'abc'))).toBeNull();
  });

  it('believe an absence only beside the canaries of its domain', async () => {
    const root = make();
    const canaries = [canary('canary.example', 'canary'), canary('example.org', 'user0')];
    const bulk = createMaildir({ layout: layoutOf(root), canaries, quota: false });
    const questions = [mailbox('nobody'), mailbox('nobody', 'canary.example'), mailbox('user1')];
    expect(await bulk.lookupAll(questions)).toEqual([null, null, expect.objectContaining({ state: 'active' })]);
    rmSync(`${root}/example.org/user0`, { recursive: true });
    const [gone, other, found] = await bulk.lookupAll(questions);
    expect(gone).toMatchObject({ message: expect.stringContaining('the canary is not found below') });
    expect([other, found]).toEqual([null, expect.objectContaining({ state: 'active' })]);
    const elsewhere = await bulk.lookupAll([mailbox('nobody', 'third.example')]);
    expect(elsewhere).toEqual([expect.objectContaining({ message: expect.stringContaining('the canary') })]);
  });

  it('find the canary, and who is absent beside it, in a domain that is written in Unicode', async () => {
    const root = make();
    mkdirSync(`${root}/b\u00fccher.example/canary`, { recursive: true });
    mkdirSync(`${root}/b\u00fccher.example/fred`);
    const store = await open(root, '', 'canary@b\u00fccher.example');
    expect(await ask(store, mailbox('nobody', 'xn--bcher-kva.example'))).toBeNull();
    expect(await ask(store, mailbox('fred', 'xn--bcher-kva.example'))).not.toBeNull();
    expect(await ask(store, mailbox('nobody'))).toBeNull();
    rmSync(`${root}/b\u00fccher.example/canary`, { recursive: true });
    await expect(ask(store, mailbox('nobody', 'xn--bcher-kva.example'))).rejects.toThrow('canary');
  });

  it('believe no absence in a folder that was exchanged for one with the canary', async () => {
    const root = make();
    mkdirSync(`${root}/old/else`, { recursive: true });
    await withFolders(root, async (folders) => {
      expect(await folders.find(['old', 'user1'])).toBeNull();
      renameSync(`${root}/old`, `${root}/older`);
      renameSync(`${root}/example.org`, `${root}/old`); // as if it were mounted in this moment
      expect(await folders.find(['old', 'user1'])).not.toBeNull();
      expect(await folders.findThere(['old', 'user1'])).toBeNull();
    });
  });

  it.skipIf(process.getuid?.() !== 0)('are uncertain of what they may not look at', async () => {
    const root = make();
    chmodSync(dirname(root), 0o755);
    const store = await open(root);
    process.seteuid?.(65_534);
    expect(await ask(store, mailbox('user1'))).not.toBeNull();
    expect(await ask(store, mailbox('nobody'))).toBeNull();
    process.seteuid?.(0);
    chmodSync(`${root}/example.org`, 0o700);
    process.seteuid?.(65_534);
    await expect(ask(store, mailbox('user1'))).rejects.toThrow('EACCES');
    await expect(ask(store, mailbox('nobody'))).rejects.toThrow('EACCES');
    expect(await ask(store, mailbox('user1', 'example.com'))).toBeNull();
  });
});

function mount(root: string): void {
  execFileSync('mount', ['--bind', `${root}.disk`, root]);
  mounted.push(root);
}

function unmount(root: string): void {
  try {
    execFileSync('umount', ['-l', root], { stdio: 'ignore' });
  } catch {
    // it was not mounted
  }
}
