import { type Server, type Socket, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createDovecot } from '../../src/store/driver/dovecot/driver.ts';
import { QuestionError, StoreError } from '../../src/store/store.ts';
import type { Answer, Question } from '../../src/vocabulary.ts';
import { temporaryFolders } from '../support/folder.ts';

const newFolder = temporaryFolders();
const TIMEOUT_MS = 1_000;
const GREETING = 'VERSION\t1\t1\nSPID\t20906\n';
const GREETING_2_4 = 'VERSION\t1\t3\nSPID\t20906\n';
const FIELDS = 'uid=995\tgid=995\thome=/home/fred\tquota_rule=*:bytes=1M';

/** A line of a client, as Dovecot answers it: only fred and the canary exist. */
function answerTo(line: string): string {
  const [word, id, name = '', service] = line.split('\t');
  if (word === 'VERSION') return '';
  expect([word, service]).toEqual(['USER', 'service=lmtp']);
  return /^(?:fred|canary)@/.test(name) ? `USER\t${id}\t${name}\t${FIELDS}\n` : `NOTFOUND\t${id}\n`;
}

/** A server that greets each client, and gives the lines that it gets to `serve`. */
async function serve(
  greeting: string | null,
  answer: (line: string, socket: Socket, nth: number) => string | null = answerTo,
): Promise<{ path: string; clients: () => number }> {
  const path = join(newFolder(), 's');
  let clients = 0;
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    const nth = ++clients;
    sockets.add(socket);
    let rest = '';
    if (greeting !== null) socket.write(greeting);
    socket.on('error', () => {}).setEncoding('utf8');
    socket.on('data', (data: string) => {
      const lines = (rest + data).split('\n');
      rest = lines.pop() as string;
      const answers = lines.map((line) => answer(line, socket, nth));
      if (answers.every((each) => each !== null)) socket.write(answers.join(''));
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { path, clients: () => clients };
}

function ask(path: string, ...names: string[]): Promise<readonly (Answer | StoreError)[]> {
  const dovecot = open(path);
  return dovecot.lookupAll(names.map(mailbox));
}

function open(path: string) {
  const dovecot = createDovecot({
    endpoint: { kind: 'unix', path },
    service: 'lmtp',
    canaries: [mailbox('canary')],
    quota: null,
    timeoutMs: TIMEOUT_MS,
  });
  onTestFinished(() => dovecot.close());
  return dovecot;
}

function mailbox(local: string): Question {
  return { about: 'mailbox', local, domain: 'example.org', exact: false, folder: null, anyCase: false };
}

const FRED = { value: '', state: 'active' };

describe('the protocol of auth-userdb', () => {
  it.each([
    ['2.3', GREETING],
    ['2.4', GREETING_2_4],
  ])('is spoken with Dovecot %s', async (_, greeting) => {
    const { path } = await serve(greeting);
    expect(await ask(path, 'fred', 'nobody', 'jörg')).toEqual([FRED, null, null]);
  });

  it('is read byte by byte', async () => {
    const { path } = await serve(null, (line, socket) => {
      const text = line.startsWith('VERSION') ? GREETING : answerTo(line);
      for (const byte of text) socket.write(byte);
      return null;
    });
    expect(await ask(path, 'fred', 'nobody')).toEqual([FRED, null]);
  });

  it('may answer in another order', async () => {
    const { path } = await serve(GREETING, (line, socket) => {
      setTimeout(() => socket.write(answerTo(line)), line.includes('nobody') ? 0 : 10);
      return null;
    });
    expect(await ask(path, 'fred', 'jane', 'nobody')).toEqual([FRED, null, null]);
  });

  it('keeps a connection for the next questions, but not for ever', async () => {
    const { path, clients } = await serve(GREETING);
    const dovecot = open(path);
    for (let at = 0; at < 3; at++) expect(await dovecot.lookupAll([mailbox('fred')])).toEqual([FRED]);
    expect(clients()).toBe(1);
    await sleep(1_050);
    expect(await dovecot.lookupAll([mailbox('fred')])).toEqual([FRED]);
    expect(clients()).toBe(2);
  });

  it('begins anew where a kept connection has ended', async () => {
    let ends = false;
    const { path, clients } = await serve(GREETING, (line, socket, nth) => {
      if (nth === 1 && ends) socket.destroy();
      return answerTo(line);
    });
    const dovecot = open(path);
    expect(await dovecot.lookupAll([mailbox('fred')])).toEqual([FRED]);
    ends = true;
    expect(await dovecot.lookupAll([mailbox('fred'), mailbox('nobody')])).toEqual([FRED, null]);
    expect(clients()).toBe(2);
  });

  it.each<readonly [string, string | null, RegExp]>([
    ['does not greet', null, /within 1000 ms/],
    ['greets by half', 'VERSION\t1\t1\n', /within 1000 ms/],
    ['speaks another major version', 'VERSION\t2\t0\nSPID\t1\n', /greets with VERSION\t2\t0/],
    ['is auth-client', 'VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t1\n', /greets with MECH.*set server to/],
    ['is an LMTP server', '220 mail.example.org Dovecot ready.\r\n', /greets with 220/],
  ])('fails if the server %s', async (_, greeting, why) => {
    const { path } = await serve(greeting, () => null);
    await expect(ask(path, 'fred')).rejects.toThrow(why);
  });

  it.each<readonly [string, (id: string, line: string) => string, RegExp]>([
    ['an answer to another question', () => 'NOTFOUND\t77\n', /gave no answer to our question, but NOTFOUND\t77/],
    ['two answers to one', (id, line) => answerTo(line) + `NOTFOUND\t${id}\n`, /gave no answer|without a question/],
    ['another word', (id) => `PASS\t${id}\tfred\n`, /gave no answer to our question, but PASS/],
    ['another case', (id) => `notfound\t${id}\n`, /gave no answer/],
    ['a blank for a tab', (id) => `NOTFOUND ${id}\n`, /gave no answer/],
    ['an empty line', () => '\n', /gave no answer/],
    ['NOTFOUND without a line feed', (id) => `NOTFOUND\t${id}`, /gave no answer/],
    ['nothing', () => '', /within 1000 ms/],
  ])('fails if the answer about the canary is %s', async (_, answer, why) => {
    const { path } = await serve(GREETING, (line) =>
      line.includes('canary') ? answer(line.split('\t')[1] as string, line) : answerTo(line),
    );
    await expect(ask(path, 'fred', 'nobody')).rejects.toThrow(why);
  });

  it.each([
    ['FAIL', 'the canary canary@example.org cannot be asked for: Dovecot answers FAIL: its log says why'],
    ['NOTFOUND', 'the canary canary@example.org is not found'],
  ])('finds, and is certain of no absence, if the answer about the canary is %s', async (word, why) => {
    const { path } = await serve(GREETING, (line) =>
      line.includes('canary') ? `${word}\t${line.split('\t')[1] as string}\n` : answerTo(line),
    );
    expect(await ask(path, 'fred', 'nobody')).toEqual([FRED, expect.objectContaining({ message: why })]);
  });

  it('fails if a line of an answer does not end', async () => {
    const { path } = await serve(GREETING, (line) => (line.startsWith('USER') ? 'x'.repeat(70_000) : ''));
    await expect(ask(path, 'fred')).rejects.toThrow('a line of over 65536 bytes');
  });

  it('fails one question alone where Dovecot says FAIL about it', async () => {
    const { path } = await serve(GREETING, (line) =>
      line.includes('jane') ? `FAIL\t${line.split('\t')[1]}\treason=temp\n` : answerTo(line),
    );
    expect(await ask(path, 'fred', 'jane', 'nobody')).toEqual([FRED, expect.any(QuestionError), null]);
  });

  it('asks nothing on a connection after an answer was late', async () => {
    let isSlow = true;
    const { path, clients } = await serve(GREETING, (line, socket) => {
      if (!isSlow || line.startsWith('VERSION')) return answerTo(line);
      setTimeout(() => socket.write(answerTo(line).replace('USER', 'NOTFOUND')), TIMEOUT_MS + 50);
      return null;
    });
    const dovecot = open(path);
    await expect(dovecot.lookupAll([mailbox('fred')])).rejects.toThrow('no answer within 1000 ms');
    isSlow = false;
    expect(await dovecot.lookupAll([mailbox('fred')])).toEqual([FRED]);
    expect(clients()).toBe(2);
  });

  it('drops a connection on which something comes without a question', async () => {
    let tell = (): void => {};
    const told = new Promise<void>((resolve) => (tell = resolve));
    const { path, clients } = await serve(GREETING, (line, socket) => {
      const last = line.includes('fred');
      if (last) setTimeout(() => socket.write('NOTFOUND\t4\n', tell), 20);
      return answerTo(line);
    });
    const dovecot = open(path);
    expect(await dovecot.lookupAll([mailbox('fred')])).toEqual([FRED]);
    await told;
    await sleep(60);
    expect(await dovecot.lookupAll([mailbox('fred')])).toEqual([FRED]);
    expect(clients()).toBe(2);
  });

  it('sends no name with which a client could say more', async () => {
    const lines: string[] = [];
    const { path } = await serve(GREETING, (line) => {
      lines.push(line);
      return answerTo(line);
    });
    const odd = ['a\tservice=x', 'a\nUSER\t9\tfred', 'a\rb', 'a\u0001b', 'x'.repeat(900)];
    const answers = await ask(path, ...odd);
    expect(answers).toEqual([null, null, null, null, expect.any(QuestionError)]);
    expect(lines).toEqual([]);
  });
});
