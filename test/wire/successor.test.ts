import { type Socket, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Place, askSuccessor, createSuccession, placeOf } from '../../src/daemon/successor.ts';
import { formatEndpoint } from '../../src/endpoint.ts';
import type { SocketMapProtocol } from '../../src/protocol/framing.ts';
import type { Reply } from '../../src/vocabulary.ts';
import { temporaryFolders } from '../support/folder.ts';

const LIMITS = { deadlineMs: 200, replyBytes: 1_000 };
const REQUEST = { map: 'mailbox', key: 'fred@example.org' };
const TEMP = { kind: 'TEMP', reason: 'lookup failed' };
const folder = temporaryFolders();

/** Starts a server that does this with each connection. Returns its place. */
async function placeOfServer(
  serve: (socket: Socket) => void,
  protocol: SocketMapProtocol = 'netstring',
): Promise<Place> {
  const path = join(folder(), 's.sock');
  const server = createServer((socket) => serve(socket.on('error', () => {}))).listen(path);
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => void server.close());
  return { endpoint: { kind: 'unix', path }, protocol };
}

describe('a daemon after a takeover', () => {
  it.each([
    ['OK', '6:OK abc,', { kind: 'OK', value: 'abc' }],
    ['NOTFOUND', '9:NOTFOUND ,', { kind: 'NOTFOUND' }],
    ['TEMP', '8:TEMP why,', { kind: 'TEMP', reason: 'why' }],
    ['PERM', '8:PERM why,', { kind: 'PERM', reason: 'why' }],
  ])('passes on %s', async (_, said, reply) => {
    const place = await placeOfServer((socket) => socket.once('data', () => socket.write(said)));
    expect(await askSuccessor(place, REQUEST, LIMITS, () => {})).toEqual(reply);
  });

  it('asks in lines if the new daemon speaks lines', async () => {
    const asked: string[] = [];
    const answer = (socket: Socket): void =>
      void socket.once('data', (line) => {
        asked.push(line.toString());
        socket.write('OK abc\n');
      });
    const place = await placeOfServer(answer, 'line');
    expect(await askSuccessor(place, REQUEST, LIMITS, () => {})).toEqual({ kind: 'OK', value: 'abc' });
    expect(asked).toEqual(['mailbox fred@example.org\n']);
  });

  it.each([
    ['hangs', () => {}, 'no reply within 200 ms'],
    ['closes', (socket: Socket) => void socket.end(), 'closed without a reply'],
    ['answers half', (socket: Socket) => void socket.write('9:NOTF'), 'no reply within 200 ms'],
    ['answers no netstring', (socket: Socket) => void socket.write('NOTFOUND \n'), 'did not send a netstring'],
    [
      'answers no word of the protocol',
      (socket: Socket) => void socket.write('4:NONE,'),
      'sent an invalid reply: NONE',
    ],
    ['answers twice', (socket: Socket) => void socket.write('9:NOTFOUND ,9:NOTFOUND ,'), 'more than the reply'],
  ])('replies TEMP if the new daemon %s', async (_, serve, cause) => {
    const place = await placeOfServer((socket) => socket.once('data', () => serve(socket)));
    const causes: string[] = [];
    expect(await askSuccessor(place, REQUEST, LIMITS, (_reply, error) => causes.push(String(error)))).toEqual(TEMP);
    expect(causes).toEqual([expect.stringContaining(cause)]);
  });

  it.each([
    ['nobody listens', { endpoint: { kind: 'unix', path: '/nonexistent/s.sock' }, protocol: 'netstring' }, 'fred'],
    ['no place is known', null, 'fred'],
    ['the key is not UTF-8', { endpoint: { kind: 'unix', path: '/nonexistent/s.sock' }, protocol: 'netstring' }, null],
  ] as const)('replies TEMP if %s', async (_, place, key) => {
    expect(await askSuccessor(place, { map: 'mailbox', key }, LIMITS, () => {})).toEqual(TEMP);
  });

  it.each<[string, boolean, Reply]>([
    ['asks about a refusal that was on its way, where no path shows who took it', true, { kind: 'OK', value: 'abc' }],
    ['refuses what was on its way if it only stops', false, { kind: 'NOTFOUND' }],
  ])('%s', async (_, listens, reply) => {
    const { endpoint } = await placeOfServer((socket) => socket.once('data', () => socket.write('6:OK abc,')));
    let refuse = (): void => {};
    const refusal = new Promise<Reply>((resolve) => (refuse = () => resolve({ kind: 'NOTFOUND' })));
    const answers = [refusal, Promise.resolve<Reply>({ kind: 'OK', value: 'old' })];
    const succession = createSuccession({
      answer: () => answers.shift() as Promise<Reply>,
      config: () => ({ limits: LIMITS as never, control: null }),
      listeners: { taken: () => null, ofMaps: [{ where: formatEndpoint(endpoint), protocol: 'netstring' }] },
      older: () => ({ pid: 1, clients: 1 }),
      isInShadow: () => false,
      failed: () => {},
    });
    const [refused, accepted] = [1, 2].map(() => succession.answer(REQUEST, (each) => each));
    succession.begin(listens);
    refuse();
    expect([await refused, await accepted]).toEqual([reply, { kind: 'OK', value: 'old' }]);
  });

  it('prefers netstrings, which can carry any key, and a socket with a path', () => {
    const [held, line, netstring] = [
      { where: 'an inherited socket', protocol: 'netstring' },
      { where: 'unix:/run/line', protocol: 'line' },
      { where: 'tcp:127.0.0.1:2004', protocol: 'netstring' },
    ] as const;
    expect(placeOf([held, line, netstring])).toMatchObject({ endpoint: { kind: 'tcp', port: 2004 } });
    expect(placeOf([held, line])).toEqual({ endpoint: { kind: 'unix', path: '/run/line' }, protocol: 'line' });
    expect(placeOf([held])).toBe(null);
  });
});
