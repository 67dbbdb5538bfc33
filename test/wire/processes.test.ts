// A server whose connections lead to different processes, of which one has lost its data.

import { type Socket, createServer } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import type { StoreConfig } from '../../src/store/driver.ts';
import { type OpenStore, UNTOLD } from '../../src/store/open.ts';
import type { Question } from '../../src/vocabulary.ts';
import { openStore, parseConfig } from '../support/config.ts';

const USERS: ReadonlySet<string> = new Set(['postmaster', 'fred']);
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

/** What a process answers to what it was sent at once. `has`: whether it has a user. */
type Speak = (text: string, has: (local: string) => boolean) => string;

const socketmap: Speak = (text, has) => {
  const local = /^\d+:\S+ (.*)@/.exec(text)?.[1] ?? '';
  return has(local) ? '3:OK ,' : '9:NOTFOUND ,';
};
const lmtp: Speak = (text, has) =>
  text
    .trimEnd()
    .split('\r\n')
    .map((line) => {
      if (line.startsWith('LHLO')) return '250-here\r\n250-PIPELINING\r\n250 ENHANCEDSTATUSCODES\r\n';
      const [, local] = /^RCPT TO:<(.*)@/.exec(line) ?? [];
      return local === undefined || has(local) ? '250 2.0.0 Ok\r\n' : '550 5.1.1 unknown\r\n';
    })
    .join('');

/** Every second connection leads to a process without users, which takes longer, so that others are asked meanwhile. */
async function openOver(driver: string, speak: Speak, greeting = ''): Promise<OpenStore> {
  let connections = 0;
  const server = createServer((socket: Socket) => {
    const isEmpty = ++connections % 2 === 0;
    socket.write(greeting);
    socket.on('error', () => {}).setEncoding('utf8');
    socket.on('data', (text: string) => {
      setTimeout(() => socket.write(speak(text, (local) => !isEmpty && USERS.has(local))), isEmpty ? 5 : 0);
    });
    ends.push(() => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => void server.close());
  const { port } = server.address() as { port: number };
  const config = parseConfig(
    `[store.s]\ndriver = "${driver}"\nserver = "tcp:127.0.0.1:${port}"\nbatch = 2\ncanary = { mailbox = "postmaster@a.test" }\n[map.m]\n`,
    'test',
    { socket: '/nowhere/s', store: '/nowhere' },
  );
  const store = await openStore(config.stores.get('s') as StoreConfig, UNTOLD);
  ends.push(() => store.close());
  return store;
}

const mailbox = (local: string): Question => {
  return { about: 'mailbox', local, domain: 'a.test', exact: false, folder: null, anyCase: false };
};

it.each<[string, Speak, string]>([
  ['socketmap', socketmap, ''],
  ['lmtp', lmtp, '220 here\r\n'],
])(
  '%s believes no absence of a process that has lost its data, though another one has the canary',
  async (driver, speak, greeting) => {
    const store = await openOver(driver, speak, greeting);
    const said: Record<string, number> = { found: 0, absent: 0, failed: 0 };
    for (let round = 0; round < 30; round++) {
      const asked = Array.from({ length: 10 }, async () => await store.lookup(mailbox('fred')));
      for (const outcome of await Promise.allSettled(asked)) {
        const word = outcome.status === 'rejected' ? 'failed' : outcome.value === null ? 'absent' : 'found';
        said[word] = (said[word] ?? 0) + 1;
      }
    }
    expect(said).toMatchObject({ absent: 0, found: expect.toSatisfy((found: number) => found > 0) });
  },
);
