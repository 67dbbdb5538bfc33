// What smtpd of OpenSMTPD 7.6 writes to a program that holds a table, and what it reads: smtpd-tables(7).

import { type Server, type Socket, createServer } from 'node:net';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, it, onTestFinished, vi } from 'vitest';
import { TABLE_OPENSMTPD_HELP } from '../../src/cli/help.ts';
import { tableOpensmtpd } from '../../src/cli/table-opensmtpd.ts';
import { NetstringDecoder, encodeNetstring } from '../../src/protocol/netstring.ts';
import { temporaryFolders } from '../support/folder.ts';

const folder = temporaryFolders();
const TIMEOUT_MS = 300;
const GREETING = 'config|smtpd-version|7.6.0\nconfig|protocol|0.1\nconfig|tablename|mailbox\nconfig|ready\n';
const question = (operation: string, id: string, key: string, service = 'mailaddr'): string =>
  `table|0.1|1713795103.314423|mailbox|${operation}|${service}|${id}|${key}\n`;

/** A socket map server, which ends a connection that asks too much. `answer` gets the payload of each request. */
function serve(path: string, answer: (payload: string, socket: Socket) => string | null): Promise<Server> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    const decoder = new NetstringDecoder(10_000);
    socket.on('data', (chunk) => {
      decoder.push(chunk);
      try {
        for (let payload = decoder.next(); payload !== null; payload = decoder.next()) {
          const reply = answer(payload, socket);
          if (reply !== null) socket.write(encodeNetstring(reply));
        }
      } catch {
        socket.destroy();
      }
    });
  });
  server.on('close', () => sockets.forEach((each) => each.destroy()));
  onTestFinished(() => void server.close());
  return new Promise((resolve) => server.listen(path, () => resolve(server)));
}

/** The program, and what it wrote since the last look. */
function start(server: string): {
  say(text: string | Buffer): void;
  lines(count: number): Promise<string[]>;
  ended: Promise<number>;
  end(): void;
} {
  const input = new PassThrough();
  let written = '';
  const output = {
    write: (text: string | Uint8Array): boolean => {
      written += String(text);
      return true;
    },
  };
  const ended = tableOpensmtpd({ server, timeoutMs: TIMEOUT_MS }, { input, output });
  ended.catch(() => {});
  onTestFinished(() => void input.end());
  return {
    say: (text) => void input.write(text),
    async lines(count) {
      await vi.waitUntil(() => written.split('\n').length > count, { timeout: 20_000, interval: 5 });
      const lines = written.split('\n').slice(0, -1);
      written = '';
      return lines;
    },
    ended,
    end: () => void input.end(),
  };
}

/** The program after its registration. */
async function open(server: string): Promise<ReturnType<typeof start>> {
  const program = start(server);
  program.say(GREETING);
  await program.lines(10);
  return program;
}

it('answers what its help says to type', async () => {
  const path = join(folder(), 'smmap.sock');
  await serve(path, (payload) => (payload === 'mailbox fred@example.org' ? 'OK fred@example.org' : 'TEMP unknown map'));
  const program = start(path);
  program.say(`${TABLE_OPENSMTPD_HELP.split('\n').slice(-3).join('\n').replaceAll(/^ +/gm, '')}\n`);
  expect((await program.lines(11)).at(-1)).toBe('check-result|1|found');
});

it('answers a question of any length, and the next one', async () => {
  const path = join(folder(), 'smmap.sock');
  await serve(path, (payload) => (payload === 'mailbox fred@example.org' ? 'OK fred@example.org' : 'TEMP unknown map'));
  const program = await open(path);
  program.say(question('check', 'a', 'x'.repeat(200_000)) + question('check', 'b', 'fred@example.org'));
  expect(await program.lines(2)).toEqual([
    expect.stringMatching(/^check-result\|a\|error\|/) as string,
    'check-result|b|found',
  ]);
});

it('registers what a map can hold, when smtpd has said everything', async () => {
  const program = start('/nowhere');
  program.say(GREETING.slice(0, -'ready\n'.length));
  program.say('ready\n');
  const lines = await program.lines(10);
  expect(lines.at(-1)).toBe('register|ready');
  expect(lines).toEqual(
    expect.arrayContaining(['alias', 'domain', 'userinfo', 'mailaddr'].map((s) => `register|${s}`)),
  );
  expect(lines).not.toContain('register|source');
  program.end();
  expect(await program.ended).toBe(0);
});

it('refuses another version of the protocol before the first question', async () => {
  const program = start('/nowhere');
  program.say('config|protocol|0.2\n');
  await expect(program.ended).rejects.toThrow('smtpd speaks version 0.2 of the protocol of tables, and not 0.1');
});

it.each([
  ['check', 'OK x', 'check-result|1|found'],
  ['check', 'OK ', 'check-result|1|found'],
  ['lookup', 'OK a|b', 'lookup-result|1|found|a|b'],
  ['lookup', 'OK ', 'lookup-result|1|error|the map replied OK without a value'],
  ['lookup', 'OK a\nb', 'lookup-result|1|error|the value is not a line'],
  ['check', 'NOTFOUND ', 'check-result|1|not-found'],
  ['lookup', 'NOTFOUND', 'lookup-result|1|not-found'],
  ['check', 'TEMP busy\nnow', 'check-result|1|error|TEMP busy now'],
  ['check', 'TIMEOUT x', 'check-result|1|error|TIMEOUT x'],
  ['check', 'PERM x', 'check-result|1|error|PERM x'],
  ['check', 'OK', 'check-result|1|error|the server sent no reply of a socket map'],
  ['check', 'NOTFOUNDX ', 'check-result|1|error|the server sent no reply of a socket map'],
])('%s: %j is %j', async (operation, reply, line) => {
  const path = join(folder(), 's');
  await serve(path, () => reply);
  const program = await open(path);
  program.say(question(operation, '1', 'fred@example.org'));
  expect(await program.lines(1)).toEqual([line]);
});

it('asks the map that has the name of the table, with everything behind the last bar', async () => {
  const path = join(folder(), 's');
  await serve(path, (payload) => `OK ${payload}`);
  const program = await open(`unix:${path}`);
  for (const byte of Buffer.from(question('lookup', 'a1', 'a|b c@example.org'))) program.say(Buffer.of(byte));
  expect(await program.lines(1)).toEqual(['lookup-result|a1|found|mailbox a|b c@example.org']);
});

it('answers what it cannot ask with an error, or what it need not ask', async () => {
  const program = await open('/nowhere/s');
  program.say('table|0.1|1.0|mailbox|update|1\n');
  program.say('table|0.1|1.0|mailbox|fetch|source|2\n');
  program.say(question('dump', '3', 'x'));
  program.say(Buffer.concat([Buffer.from(question('check', '4', 'x').trimEnd()), Buffer.of(0xff, 0x0a)]));
  program.say(question('check', '5', 'fred'));
  expect(await program.lines(5)).toEqual([
    'update-result|1|ok',
    'fetch-result|2|error|a socket map has no next value to fetch',
    'dump-result|3|error|smmap does not know this operation',
    'check-result|4|error|the key is not UTF-8',
    expect.stringMatching(/^check-result\|5\|error\|unix:\/nowhere\/s: the socket does not exist/),
  ]);
});

it('has its own name where an alias stands for itself, and knows no alias of that name', async () => {
  const path = join(folder(), 's');
  const asked: string[] = [];
  await serve(path, (payload) => {
    asked.push(payload);
    return 'OK Fred@example.org, ned@example.org';
  });
  const program = await open(path);
  program.say(question('lookup', '1', 'fred@example.org', 'alias'));
  program.say(question('lookup', '2', 'fred@example.org', 'userinfo'));
  program.say(question('lookup', '3', 'smmap_mailbox@', 'alias'));
  program.say(question('lookup', '4', 'smmap_mailbox', 'alias'));
  expect(await program.lines(4)).toEqual([
    'lookup-result|1|found|smmap_mailbox, ned@example.org',
    'lookup-result|2|found|Fred@example.org, ned@example.org',
    'lookup-result|3|not-found',
    'lookup-result|4|not-found',
  ]);
  expect(asked).toEqual(['mailbox fred@example.org', 'mailbox fred@example.org']);
});

it('asks the next daemon when the last one has ended, without an error between', async () => {
  const path = join(folder(), 's');
  const connections = new Set<Socket>();
  await serve(path, (_, socket) => (connections.add(socket), 'OK x'));
  const program = await open(path);
  for (const id of ['1', '2', '3']) {
    program.say(question('check', id, 'fred'));
    expect(await program.lines(1)).toEqual([`check-result|${id}|found`]);
    connections.forEach((each) => each.destroy());
  }
  expect(connections.size).toBe(3);
});

it('is an error while there is no daemon, and right again at once', async () => {
  const path = join(folder(), 's');
  const program = await open(path);
  program.say(question('check', '1', 'fred'));
  expect((await program.lines(1))[0]).toMatch(/^check-result\|1\|error\|/);
  await serve(path, () => 'NOTFOUND ');
  program.say(question('check', '2', 'fred'));
  expect(await program.lines(1)).toEqual(['check-result|2|not-found']);
});

it('never takes a late reply for the next question', async () => {
  const path = join(folder(), 's');
  const waiting: Socket[] = [];
  await serve(path, (payload, socket) => {
    if (!payload.endsWith('late')) return 'NOTFOUND ';
    waiting.push(socket);
    return null;
  });
  const program = await open(path);
  program.say(question('check', '1', 'late'));
  expect(await program.lines(1)).toEqual([`check-result|1|error|no reply within ${TIMEOUT_MS} ms`]);
  waiting.forEach((each) => each.write(encodeNetstring('OK fred')));
  program.say(question('check', '2', 'nobody'));
  expect(await program.lines(1)).toEqual(['check-result|2|not-found']);
});
