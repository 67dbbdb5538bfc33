import { type Socket, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readData, readInto } from '../../src/socket/reader.ts';
import { temporaryFolders } from '../support/folder.ts';

const folder = temporaryFolders();

describe.each([
  ['one shared buffer', readInto],
  ["'data' events", readData],
])('a socket that is read by %s', (_, readBy) => {
  /** Sends pieces to an accepted socket. Resolves to the bytes that it read, and to those that the client got back. */
  async function exchange(
    pieces: readonly string[],
    reply: string,
  ): Promise<{ read: string; got: string; closed: boolean }> {
    let read = '';
    let closed: Promise<boolean> = Promise.resolve(false);
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (accepted) => {
      const socket: Socket = readBy(accepted, (buffer, length) => {
        read += buffer.toString('latin1', 0, length);
      });
      socket.on('end', () => socket.end(reply)).resume();
      closed = new Promise((resolve) => socket.on('close', () => resolve(true)));
    });
    const path = join(folder(), 's.sock');
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const client = connect({ path, allowHalfOpen: true });
    let got = '';
    client.on('data', (chunk) => (got += chunk.toString('latin1')));
    const ended = new Promise((resolve) => client.on('end', resolve));
    for (const piece of pieces) await new Promise((resolve) => client.write(piece, resolve));
    client.end();
    await ended;
    server.close();
    return { read, got, closed: await closed };
  }

  it('reads every byte, replies after a half-close, and closes', async () => {
    const pieces = ['a', 'b'.repeat(200_000), 'c'];
    expect(await exchange(pieces, 'reply')).toEqual({ read: pieces.join(''), got: 'reply', closed: true });
  });

  it('may be closed without a reply', async () => {
    expect(await exchange([], '')).toEqual({ read: '', got: '', closed: true });
  });
});

describe('a socket of this Node', () => {
  it('has the handle that one shared buffer needs', async () => {
    const server = createServer({ pauseOnConnect: true });
    const path = join(folder(), 's.sock');
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const accepted = new Promise<Socket>((resolve) => server.on('connection', resolve));
    const client = connect(path);
    const socket = await accepted;
    expect(readInto(socket, () => {})).not.toBe(socket);
    client.destroy();
    server.close();
  });
});
