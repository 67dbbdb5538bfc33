import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Binding } from '../../src/socket/listener.ts';
import type { Maybe, Reply, Request } from '../../src/vocabulary.ts';
import { temporaryFolders } from '../support/folder.ts';
import { type TestServer, bindings, readAll, readBytes, startServer } from '../support/server.ts';

const WAIT = { timeout: 20_000, interval: 2 };
const folder = temporaryFolders();
const servers: TestServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

function answer({ map, key }: Request): Maybe<Reply> {
  if (map === 'later') return sleep(20, answer({ map: '', key }) as Reply);
  if (map === 'never') return new Promise<Reply>(() => {});
  if (key === null || key === 'nobody') return { kind: 'NOTFOUND' };
  if (key === 'temp') return { kind: 'TEMP', reason: 'lookup failed' };
  if (key === 'two') return { kind: 'OK', value: 'a\nb' };
  return { kind: 'OK', value: key };
}

/** What a client sends before its half-close, in one or several pieces, and everything that it gets. */
const ROWS: readonly (readonly [string, string | readonly string[], string])[] = [
  ['a hit', 'userbase fred\n', 'OK fred\n'],
  ['NOTFOUND, with its blank', 'userbase nobody\n', 'NOTFOUND \n'],
  ['a failure', 'm temp\n', 'TEMP lookup failed\n'],
  ['several lines in one piece', 'm fred\nm nobody\nm joe\n', 'OK fred\nNOTFOUND \nOK joe\n'],
  ['a line byte by byte', Array.from('m fred\n'), 'OK fred\n'],
  ['a line and a half, then the rest', ['m fred\nm jo', 'e\n'], 'OK fred\nOK joe\n'],
  ['answers at once and later, in order', 'later fred\nm joe\n', 'OK fred\nOK joe\n'],
  ['a key with a blank', 'm quo ted\n', 'OK quo ted\n'],
  ['a key in UTF-8', 'm j\xc3\xbcrgen\n', 'OK j\xc3\xbcrgen\n'],
  ['no blank, and then a request', 'fred\nm fred\n', 'TEMP malformed request\nOK fred\n'],
  ['an empty line', '\nm fred\n', 'TEMP malformed request\nOK fred\n'],
  ['a value of two lines', 'm two\n', 'TEMP reply is not a line\n'],
  ['a netstring, which is not a line', '6:m fred,', ''],
  ['a line of exactly the limit', `m ${'x'.repeat(10_298)}\n`, `OK ${'x'.repeat(10_298)}\n`],
  ['a line of one byte more', `m ${'x'.repeat(10_299)}\n`, 'TEMP framing error\n'],
  ['a line without end', 'x'.repeat(10_301), 'TEMP framing error\n'],
];

describe.each(bindings(folder))('lines over %s', (_, binding) => {
  it.each(ROWS)('%s', async (_row, sent, expected) => {
    const server = await startServer(binding(), answer, {}, 'line');
    servers.push(server);
    const client = server.connect();
    const all = readAll(client);
    for (const piece of typeof sent === 'string' ? [sent] : sent) {
      client.write(piece, 'latin1');
      await sleep(typeof sent === 'string' ? 0 : 1);
    }
    client.end();
    expect(await all).toBe(expected);
  });
});

describe('a client that speaks lines', () => {
  const unix = (): Binding => ({ kind: 'unix', path: `${folder()}/s.sock`, mode: 0o600, uid: -1, gid: -1 });

  it('is never closed for being idle', async () => {
    const server = await startServer(unix(), answer, { idleMs: 30 }, 'line');
    servers.push(server);
    const client = server.connect();
    await sleep(150);
    client.write('m fred\n');
    expect(await readBytes(client, 8)).toBe('OK fred\n');
    expect(server.told).toEqual([]);
    client.destroy();
  });

  it('gets TEMP at the deadline, and keeps its connection', async () => {
    const server = await startServer(unix(), answer, { deadlineMs: 40 }, 'line');
    servers.push(server);
    const client = server.connect();
    client.write('never fred\n');
    expect(await readBytes(client, 21)).toBe('TEMP deadline passed\n');
    client.write('m fred\n');
    expect(await readBytes(client, 8)).toBe('OK fred\n');
    client.destroy();
  });

  it('gets its reply also after a standstill, because it waits without a limit', async () => {
    let blocked = false;
    const stands = (request: Request): Maybe<Reply> => {
      if (request.key === 'block' && !blocked) {
        blocked = true;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 120);
      }
      return answer(request);
    };
    const server = await startServer(unix(), stands, { deadlineMs: 40 }, 'line');
    servers.push(server);
    const client = server.connect();
    client.write('m block\n');
    expect(await readBytes(client, 9)).toBe('OK block\n');
    await vi.waitUntil(() => server.clients.count === 1, WAIT);
    client.destroy();
  });
});
