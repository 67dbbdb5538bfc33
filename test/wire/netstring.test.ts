import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { Maybe, Reply, Request } from '../../src/vocabulary.ts';
import { temporaryFolders } from '../support/folder.ts';
import { type TestServer, bindings, readAll, readBytes, startServer } from '../support/server.ts';

const folder = temporaryFolders();
const servers: TestServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

/** Replies as the key says, at once or later. */
function answer({ map, key }: Request): Maybe<Reply> {
  if (map === 'later') return sleep(20, answer({ map: '', key }) as Reply);
  if (key === null) return { kind: 'NOTFOUND' };
  if (key === 'nobody') return { kind: 'NOTFOUND' };
  if (key === 'temp') return { kind: 'TEMP', reason: 'lookup failed' };
  if (key.startsWith('long ')) return { kind: 'OK', value: 'x'.repeat(Number(key.slice(5))) };
  return { kind: 'OK', value: key };
}

const over = (start: string, length: number): string => `${start.length + length}:${start}${'x'.repeat(length)},`;
const TEMP_FRAMING = '18:TEMP framing error,';
const TEMP_MALFORMED = '22:TEMP malformed request,';

/** What a client sends before its half-close, in one or several pieces, and everything that it gets. */
const ROWS: readonly (readonly [string, string | readonly string[], string])[] = [
  ['a hit', '6:m fred,', '7:OK fred,'],
  ['NOTFOUND', '8:m nobody,', '9:NOTFOUND ,'],
  ['a failure', '6:m temp,', '18:TEMP lookup failed,'],
  ['nothing', '', ''],
  ['several requests in one piece', '6:m fred,8:m nobody,5:m joe,', '7:OK fred,9:NOTFOUND ,6:OK joe,'],
  ['a request byte by byte', Array.from('6:m fred,'), '7:OK fred,'],
  ['a request and a half, then the rest', ['6:m fred,5:m j', 'oe,'], '7:OK fred,6:OK joe,'],
  ['an answer that comes later', '10:later fred,', '7:OK fred,'],
  [
    'answers at once and later, in order',
    '10:later fred,5:m joe,12:later nobody,3:m a,',
    '7:OK fred,6:OK joe,9:NOTFOUND ,4:OK a,',
  ],
  ['a key with a blank', '9:m quo ted,', '10:OK quo ted,'],
  ['a key in UTF-8', '9:m j\xc3\xbcrgen,', '10:OK j\xc3\xbcrgen,'],
  ['a key that is not UTF-8', '8:m j\xfcrgen,', '9:NOTFOUND ,'],
  ['a key with commas and colons', '10:m 3:a,4:bc,', '11:OK 3:a,4:bc,'],
  ['an empty key', '2:m ,', '3:OK ,'],
  ['no blank', '4:fred,', TEMP_MALFORMED],
  ['no blank, and then a request: the connection stays open', '4:fred,6:m fred,', `${TEMP_MALFORMED}7:OK fred,`],
  ['an empty netstring', '0:,', TEMP_MALFORMED],
  ['a request of exactly the limit', over('m ', 10_298), '10301:OK (10298 x),'],
  ['a request of one byte more', over('m ', 10_299), TEMP_FRAMING],
  ['a reply of exactly the limit', '12:m long 99997,', '100000:OK (99997 x),'],
  ['a reply of one byte more', '12:m long 99998,', '19:TEMP reply too long,'],
  ['an over-long reply, and then a request', '12:m long 99998,6:m fred,', '19:TEMP reply too long,7:OK fred,'],
  ['a leading zero', '06:m fred,', TEMP_FRAMING],
  ['a sign', '+6:m fred,', TEMP_FRAMING],
  ['a leading blank', ' 6:m fred,', TEMP_FRAMING],
  ['a length without end', '99999999999999999999', TEMP_FRAMING],
  ['no comma', '6:m fred;', TEMP_FRAMING],
  ['a newline between two requests', '6:m fred,\n6:m fred,', `7:OK fred,${TEMP_FRAMING}`],
  ['a line instead of a netstring', 'm fred\n', TEMP_FRAMING],
  ['a framing error after requests whose answers come later', '10:later fred,x', `7:OK fred,${TEMP_FRAMING}`],
  ['an unfinished request', '6:m fr', ''],
  ['a request and an unfinished one', '6:m fred,6:m fr', '7:OK fred,'],
];

describe.each(bindings(folder))('over %s', (_, binding) => {
  it.each(ROWS)('%s', async (_name, sent, expected) => {
    const server = await startServer(binding(), answer);
    servers.push(server);
    const socket = server.connect();
    const reply = readAll(socket);
    for (const piece of typeof sent === 'string' ? [sent] : sent) {
      socket.write(piece, 'latin1');
      if (typeof sent !== 'string') await sleep(2); // so that it is a segment of its own
    }
    socket.end(); // as Exim does after each request
    expect((await reply).replace(/x{20,}/g, (run) => `(${run.length} x)`)).toBe(expected);
  });

  it('keeps a connection for many requests, and while the client is idle', async () => {
    const server = await startServer(binding(), answer);
    servers.push(server);
    const socket = server.connect();
    for (const at of [1, 2, 3]) {
      socket.write(`5:m u${at}x,`);
      expect(await readBytes(socket, 9)).toBe(`6:OK u${at}x,`);
      await sleep(30);
    }
    expect(server.clients.count).toBe(1);
    socket.destroy();
  });

  it('answers what was sent before it was told to stop, however long this process got no time to read it', async () => {
    const server = await startServer(binding(), answer);
    servers.push(server);
    const socket = server.connect();
    socket.write('6:m fred,');
    expect(await readBytes(socket, 10)).toBe('7:OK fred,');
    const rest = readAll(socket);
    socket.write('6:m fred,');
    const { closed } = await stopBusily(() => server.clients.halfClose(1_000));
    expect(await rest).toBe('7:OK fred,');
    socket.end();
    await closed;
  });
});

/** Begins a stop, and takes all the time of this process for a while. */
function stopBusily<T>(stop: () => Promise<T>): Promise<T> {
  const stopped = stop();
  for (const untilMs = performance.now() + 50; performance.now() < untilMs;);
  return stopped;
}
