import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createSecureServer } from 'node:https';
import { type Server, type Socket, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { HttpOptions } from '../../src/store/driver/http/driver.ts';
import { createBatch } from '../../src/store/guard/batch.ts';
import { type Bulk, QuestionError, type Store, StoreError } from '../../src/store/store.ts';
import type { Answer, Question } from '../../src/vocabulary.ts';
import { type Certificates, makeCertificates } from '../support/certificates.ts';
import { expectNoLies, tell } from '../support/faults.ts';
import { httpWith } from '../support/http.ts';
import { type Httpd, startHttpd } from '../support/httpd.ts';

const TIMEOUT_MS = 1_500;
const USERS = 40;
const ACTIVE = { value: '', state: 'active' };
const fred = mailbox('fred');

let httpd: Httpd;
let folder: string;
const opened: { close(): unknown }[] = [];
const servers: Server[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'httpd-'));
  httpd = await startHttpd();
  await httpd.load(
    'users',
    Array.from({ length: USERS }, (_, at) => {
      const address = `user${at}@example.org`;
      return { question: 'mailbox', match: { address }, fields: { address } };
    }),
  );
});
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
  for (const server of servers.splice(0)) server.close();
  await httpd.start();
});
afterAll(async () => {
  await httpd.stop();
  rmSync(folder, { recursive: true, force: true });
});

function openBulk(keys: object, more: Partial<HttpOptions> = {}): Bulk {
  const bulk = httpWith({ connections: 4, timeout_ms: TIMEOUT_MS, ...keys }, more);
  opened.push(bulk);
  return bulk;
}

function open(request: string | object, keys: object = {}, more: Partial<HttpOptions> = {}): Store {
  // A URL of this server needs a parameter, although it always answers the same.
  const asked = typeof request === 'string' && !request.includes(':address') ? `${request}?a=:address` : request;
  const store = createBatch(openBulk({ mailbox: asked, ...keys }, more), { most: 100, inFlight: 2 });
  opened.push(store);
  return store;
}

/** Answers the connections, from 1, and what comes on them, from 1. */
async function listen(
  answer: (socket: Socket, connection: number, chunk: number, text: string) => void,
): Promise<string> {
  let connections = 0;
  const server = createServer((socket) => {
    const connection = ++connections;
    let chunks = 0;
    socket.on('error', () => {}).on('data', (data) => answer(socket, connection, ++chunks, data.toString()));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

const FOUND = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{"value":"x"}';

describe('a store over HTTP', () => {
  it.each<[string, Answer]>([
    ['value', { value: 'x', state: 'active' }],
    ['typed', { value: 'x', state: 'active' }],
    ['rows', { value: 'y', state: 'active' }],
    ['404', null],
    ['problem404', null],
    ['none', null],
  ])('is believed /do/%s', async (kind, answer) => {
    expect(await open(`${httpd.origin}/do/${kind}`).lookup(fred)).toEqual(answer);
  });

  it.each([
    ['500', 'status 500'],
    ['401', 'status 401'],
    ['400', 'status 400'],
    ['redirect', 'status 302'],
    ['nothing', 'status 204'],
    ['html', 'text/html'],
    ['untyped', 'type is missing'],
    ['broken', 'not JSON'],
    ['latin', 'not JSON'],
    ['big', 'over 65536 bytes'],
    ['bigger', 'over 65536 bytes'],
    ['object', 'none of the fields'],
    ['error', 'none of the fields'],
    ['number', 'value is not a string'],
    ['text', 'not a JSON object'],
    ['null', 'not a JSON object'],
    ['nested', 'not a JSON object'],
    ['state', 'state is "gone"'],
    ['other', 'about something else'],
    ['cut', 'aborted'],
    ['cut404', 'aborted'],
    ['page404', 'its content type is text/html instead of application/json, so it may not come from the application'],
    ['plain404', 'text/plain'],
    ['empty404', 'type is missing'],
    ['emptyjson404', 'its content is not JSON'],
    ['brokenjson404', 'its content is not JSON'],
    ['410', 'status 410'],
    ['upgrade', 'ended the connection'],
    ['slow', `within ${TIMEOUT_MS} ms`],
    ['hang', `within ${TIMEOUT_MS} ms`],
  ])('is certain of nothing if the server answers as /do/%s does', async (kind, why) => {
    const error = await failureOf(open(`${httpd.origin}/do/${kind}`).lookup(fred));
    expect(error.message).toContain(why);
    expect(error instanceof QuestionError).toBe(['400', 'state', 'other'].includes(kind));
  });

  it.each<[string, object, Answer | string]>([
    ['marked404', { headers: { 'x-mailbox': 'absent' } }, null],
    ['page404', { headers: { 'x-mailbox': 'absent' } }, 'no x-mailbox: absent'],
    ['404', { headers: { 'x-mailbox': 'absent' } }, 'no x-mailbox: absent'],
    ['code404', { fields: { code: 'AddressNotFound' } }, null],
    ['404', { fields: { code: 'AddressNotFound' } }, 'no code = "AddressNotFound"'],
    ['none404', { fields: { code: 'AddressNotFound' } }, 'no code = "AddressNotFound"'],
    ['410', { status: 410 }, null],
    ['404', { status: 410 }, 'status 404'],
    ['exists', { status: 200, fields: { exists: false } }, null],
    ['value', { status: 200, fields: { exists: false } }, { value: 'x', state: 'active' }],
    ['object', { status: 200, fields: { exists: false } }, 'none of the fields'],
    ['html', { status: 200, fields: { exists: false } }, 'text/html'],
    ['page404', { type: 'text/html', text: '<h1>404</h1>\n' }, null],
    ['page404', { type: 'text/html', text: '<h1>404</h1>' }, 'not the text that was configured'],
    ['plain404', { type: 'text/html', text: '<h1>404</h1>\n' }, 'text/plain instead of text/html'],
    ['nothing', { status: 204, headers: { 'x-mailbox': 'absent' } }, 'no x-mailbox: absent'],
  ])('is believed /do/%s, where %j is an absence: %j', async (kind, absent, expected) => {
    const answer = open(`${httpd.origin}/do/${kind}`, { absent }).lookup(fred);
    if (typeof expected === 'string') expect((await failureOf(answer)).message).toContain(expected);
    else expect(await answer).toEqual(expected);
  });

  it('refuses no address if a proxy answers every tenth request with a page of its own', async () => {
    const store = open(`${httpd.origin}/tenth/mailbox?address=:address`, { timeout_ms: 20_000 }); // none of them is late
    await httpd.load('tenth', [
      { question: 'mailbox', match: { address: 'fred@example.org' }, fields: { address: 'fred@example.org' } },
    ]);
    const answers = await Promise.allSettled(
      Array.from({ length: 200 }, async () => await store.lookup(mailbox('fred'))),
    );
    expect(answers.filter(({ status }) => status === 'rejected')).toHaveLength(20);
    for (const answer of answers) if (answer.status === 'fulfilled') expect(answer.value).toMatchObject(ACTIVE);
  });

  it('is out of reach, and not without mailboxes, where nobody listens', async () => {
    expect((await failureOf(open('http://127.0.0.1:1').lookup(fred))).message).toContain('ECONNREFUSED');
    expect((await failureOf(open('http+unix://%2Fnowhere').lookup(fred))).message).toContain('ENOENT');
  });

  it('fails for one address alone where it fails for that one alone', async () => {
    const bulk = openBulk({ mailbox: `${httpd.origin}/do/:local` });
    const answers = await bulk.lookupAll([mailbox('500'), mailbox('404'), mailbox('a/b'), mailbox('value')]);
    expect(answers).toEqual([expect.any(StoreError), null, expect.any(QuestionError), { value: 'x', state: 'active' }]);
    await expect(bulk.lookupAll([mailbox('500'), mailbox('cut')])).rejects.toThrow('status 500');
  });

  it('is sent what was configured, and a token that is read anew', async () => {
    let token = 'Bearer first';
    const secrets = { authorization: () => Promise.resolve(token) };
    const store = open(`${httpd.origin}/headers`, { headers: { 'x-extra': 'yes' } }, { secrets });
    const headersOf = async () => JSON.parse((await store.lookup(fred))?.value ?? '') as Record<string, string>;
    expect(await headersOf()).toMatchObject({
      authorization: 'Bearer first',
      'x-extra': 'yes',
      accept: 'application/json',
      host: httpd.origin.slice(7),
    });
    token = 'Bearer second';
    await expect.poll(headersOf).toMatchObject({ authorization: 'Bearer second' });
    const never = open(
      `${httpd.origin}/do/value`,
      {},
      {
        secrets: { authorization: () => new Promise(() => {}) },
      },
    );
    expect((await failureOf(never.lookup(fred))).message).toContain('no token within');
  });

  it('is sent the question as JSON by POST', async () => {
    const store = open({ post: `${httpd.origin}/body` });
    expect(JSON.parse((await store.lookup(mailbox('a "b" \u00e9')))?.value ?? '')).toEqual({
      question: 'mailbox',
      local: 'a "b" \u00e9',
      domain: 'example.org',
      address: 'a "b" \u00e9@example.org',
      exact: false,
    });
  });

  it('is sent a content of our own, whose texts cannot be left', async () => {
    const body = { user: ':address', n: 1, list: [':local', true, { at: 'x :domain' }] };
    const store = open({ post: `${httpd.origin}/body`, body });
    expect(JSON.parse((await store.lookup(mailbox('a"},"b')))?.value ?? '')).toEqual({
      user: 'a"},"b@example.org',
      n: 1,
      list: ['a"},"b', true, { at: 'x example.org' }],
    });
  });

  describe('with several requests', () => {
    /** Answers each path with what its name says in turn: 1 is found, 0 is absent, x is a status 500. */
    const serve = async (): Promise<{ url: string; asked: string[] }> => {
      const asked: string[] = [];
      const url = await listen((socket, _, _chunk, text) => {
        const [, path = ''] = /^GET \/(\w+)/.exec(text) ?? [];
        const before = asked.filter((each) => each === path).length;
        asked.push(path);
        const said = path.slice(1)[before] ?? '';
        const [status, content] = { 1: ['200 OK', '{"value":"x"}'], 0: ['404 Not Found', '{}'] }[said] ?? [
          '500 No',
          '',
        ];
        const length = `Content-Length: ${content?.length}`;
        socket.write(`HTTP/1.1 ${status}\r\nContent-Type: application/json\r\n${length}\r\n\r\n${content}`);
      });
      return { url, asked };
    };

    it.each<[string, readonly string[], string, readonly string[]]>([
      ['found by the first', ['a1', 'b1'], 'found', ['a1']],
      ['found by the second', ['a0', 'b1'], 'found', ['a0', 'b1']],
      ['absent if all say so, and the first still does', ['a00', 'b0'], 'absent', ['a00', 'b0', 'a00']],
      ['found if it moved to the first meanwhile', ['a01', 'b0'], 'found', ['a01', 'b0', 'a01']],
      ['TEMP if the first fails', ['ax', 'b1'], 'TEMP', ['ax']],
      ['TEMP if the second fails', ['a0', 'bx'], 'TEMP', ['a0', 'bx']],
      ['TEMP if the first fails at last', ['a0x', 'b0'], 'TEMP', ['a0x', 'b0', 'a0x']],
    ])('something is %s', async (_, paths, expected, order) => {
      const { url, asked } = await serve();
      const store = open(paths.map((path) => ({ get: `${url}/${path}/:address` })));
      const said = await Promise.resolve(store.lookup(fred)).then(
        (answer) => (answer === null ? 'absent' : 'found'),
        () => 'TEMP',
      );
      expect(said).toBe(expected);
      expect(asked).toEqual(order);
    });
  });

  it.each<[string, object, string]>([
    ['finds the state', { state: { field: 'state' } }, 'disabled'],
    ['lacks the state', { state: { field: 'none' } }, 'TEMP'],
    ['is asked only when it is needed', { when: 'none', state: { field: 'none' } }, 'active'],
  ])('is asked by a second request for the rest: it %s', async (_, next, expected) => {
    await httpd.load('two', [
      { question: 'mailbox', match: { address: 'fred@example.org' }, fields: { value: 'u1' } },
      { question: 'user', match: { id: 'u1' }, fields: { state: 'disabled' } },
      { question: 'mailbox', match: { address: 'lost@example.org' }, fields: { value: 'u2' } },
    ]);
    const get = `${httpd.origin}/two/user?id={value}`;
    const store = open({ get: `${httpd.origin}/two/mailbox?address=:address`, next: { get, ...next } });
    const said = async (who: Question): Promise<string> =>
      await Promise.resolve(store.lookup(who)).then(
        (answer) => answer?.state ?? 'absent',
        () => 'TEMP',
      );
    expect(await said(fred)).toBe(expected);
    expect(await said(mailbox('nobody'))).toBe('absent');
    expect(await said(mailbox('lost'))).toBe(expected === 'active' ? 'active' : 'TEMP');
  });

  it('may be on a Unix socket', async () => {
    const path = join(folder, 'socket');
    const other = await startHttpd(path);
    try {
      await other.load('s', [{ question: 'mailbox', match: { address: 'fred@example.org' }, fields: { value: '' } }]);
      const store = open(`http+unix://${encodeURIComponent(path)}/s/mailbox?address=:address`);
      expect(await store.lookup(fred)).toEqual(ACTIVE);
      expect(await store.lookup(mailbox('joe'))).toBeNull();
    } finally {
      await other.stop();
    }
  });

  describe('over TLS', () => {
    let certificates: Certificates;
    let origin: string;
    beforeAll(async () => {
      certificates = await makeCertificates(folder);
    });
    const serve = async (): Promise<void> => {
      const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
      const settings = { cert: read('server.pem'), key: read('server.key'), ca: certificates.ca, requestCert: true };
      const server = createSecureServer({ ...settings, rejectUnauthorized: false }, (request, response) => {
        const known = (request.socket as unknown as { authorized: boolean }).authorized;
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ value: String(known) }));
      });
      servers.push(server);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      origin = `https://127.0.0.1:${(server.address() as { port: number }).port}`;
    };
    const tls = (more: object = {}) => ({
      ca: certificates.ca,
      cert: null,
      key: null,
      serverName: null,
      verify: true,
      ...more,
    });

    it('checks the certificate of the server, and shows its own', async () => {
      await serve();
      expect(await open(origin, {}, { tls: tls() }).lookup(fred)).toMatchObject({ value: 'false' });
      expect(await open(origin, {}, { tls: tls({ serverName: 'ldap.test' }) }).lookup(fred)).toMatchObject({
        value: 'false',
      });
      expect(await open(origin, {}, { tls: tls({ ca: null, verify: false }) }).lookup(fred)).toMatchObject({
        value: 'false',
      });
      expect(await open(origin, {}, { tls: tls({ ...certificates }) }).lookup(fred)).toMatchObject({ value: 'true' });
    });

    it('fails if the certificate of the server is not valid', async () => {
      await serve();
      expect((await failureOf(open(origin).lookup(fred))).message).toMatch(/self.signed|verify/);
      expect(
        (await failureOf(open(origin, {}, { tls: tls({ serverName: 'other.test' }) }).lookup(fred))).message,
      ).toContain('other.test');
    });
  });

  describe('whose server ends a connection', () => {
    it('at the moment of the next request asks once more, on a new connection', async () => {
      let asked = 0;
      const url = await listen((socket, connection, chunk) => {
        asked++;
        if (connection === 1 && chunk === 2) socket.destroy();
        else socket.write(FOUND);
      });
      const store = open(url, { connections: 1 });
      for (let at = 0; at < 2; at++) expect(await store.lookup(fred)).toEqual({ value: 'x', state: 'active' });
      expect(asked).toBe(3);
    });

    it('after a part of an answer fails', async () => {
      let asked = 0;
      const url = await listen((socket, _, chunk) => {
        asked++;
        if (chunk === 2) socket.end('HTTP/1.1 2');
        else socket.write(FOUND);
      });
      const store = open(url, { connections: 1 });
      await store.lookup(fred);
      await failureOf(store.lookup(fred));
      expect(asked).toBe(2);
    });

    it('that is new fails', async () => {
      let asked = 0;
      const url = await listen((socket) => {
        asked++;
        socket.destroy();
      });
      await failureOf(open(url).lookup(fred));
      expect(asked).toBe(1);
    });

    it('that is used again, and then a new one, fails', async () => {
      let asked = 0;
      const url = await listen((socket, connection, chunk) => {
        asked++;
        if (connection === 1 && chunk === 1) socket.write(FOUND);
        else socket.destroy();
      });
      const store = open(url, { connections: 1 });
      await store.lookup(fred);
      await failureOf(store.lookup(fred));
      expect(asked).toBe(3);
    });
  });

  it('fails at once what is under way when it is closed', async () => {
    const bulk = openBulk({ mailbox: `${httpd.origin}/do/hang?a=:address`, timeout_ms: 60_000 });
    const asked = bulk.lookupAll([fred]);
    setTimeout(() => void bulk.close(), 50);
    await expect(asked).rejects.toThrow('closed');
    await expect(bulk.lookupAll([fred])).rejects.toThrow('closed');
  });

  describe('whose server breaks while it is asked', () => {
    const present = Array.from({ length: USERS }, (_, at) => mailbox(`user${at}`));
    const absent = Array.from({ length: USERS }, (_, at) => mailbox(`nobody${at}`));
    const store = (): Store =>
      open(`${httpd.origin}/users/mailbox?address=:address`, { connections: 8, timeout_ms: 1_500 });

    it.each<[string, () => Promise<void> | void, () => Promise<void> | void]>([
      ['is killed', () => httpd.kill(), () => httpd.start()],
      ['hangs', () => httpd.hang(), () => httpd.resume()],
      ['answers 500', () => httpd.become('500'), () => httpd.become('well')],
      ['cuts its answers', () => httpd.become('cut'), () => httpd.become('well')],
    ])('tells no lies when it %s', async (what, fault, mend) => {
      tell(`HTTP, ${what}`, await expectNoLies(store(), { present, absent, brokenMs: 2_500, fault, mend }));
    });
  });
});

function mailbox(local: string): Question {
  return { about: 'mailbox', local, domain: 'example.org', exact: false, folder: null, anyCase: false };
}

async function failureOf(answer: Answer | Promise<Answer>): Promise<StoreError> {
  const outcome = await Promise.resolve(answer).catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(StoreError);
  return outcome as StoreError;
}
