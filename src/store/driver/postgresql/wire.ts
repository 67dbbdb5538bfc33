import { Socket } from 'node:net';
import { READY, type Texts, createFrames, rowsOf } from './received.ts';

/** The socket of a connection, which pg connects, writes to and listens to. */
export interface Wire {
  readonly socket: Socket;
  /**
   * The next bytes may be the whole answer of a statement: then `take` gets its rows, and pg only hears that the server is
   * ready. In every other case pg reads them.
   */
  readonly expect: (take: (rows: Texts[]) => void) => void;
}

const SHARED = Buffer.allocUnsafeSlow(65_536); // as much as libuv reads at once; `data` allocates this for each read

/** Makes the socket of a connection. pg reads all of one that will be encrypted. */
export function createWire(isEncrypted: boolean): Wire {
  if (isEncrypted) return { socket: new Socket(), expect() {} };
  let taker: ((rows: Texts[]) => void) | null = null;
  const take = createFrames((bytes, length) => {
    const rows = taker === null ? null : rowsOf(bytes, length);
    if (rows !== null) taker?.(rows);
    taker = null;
    socket.emit('data', rows === null ? Buffer.from(bytes.subarray(0, length)) : READY); // pg may keep what it gets
  });
  const callback = (length: number): boolean => {
    if (!take(SHARED, length)) socket.destroy(new Error('the server sent a message without a length'));
    return true;
  };
  const options: object = { onread: { buffer: SHARED, callback } }; // it is only documented for connect
  const socket = new Socket(options);
  return { socket, expect: (taking) => (taker = taking) };
}
