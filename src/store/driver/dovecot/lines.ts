import { saying } from '../../../message.ts';
import type { Wire } from '../../dial.ts';
import { EndedError, type Session } from '../../sessions.ts';
import { StoreError, toStoreError } from '../../store.ts';

/** A connection on which both sides write lines. */
export interface Lines extends Session {
  /**
   * Writes `text`, and gives each line of the answer to `take` until that returns true. Rejects with EndedError if the
   * server ends the connection before, and with what `take` throws. After that the connection is of no use.
   */
  exchange(text: string, take: (line: string) => boolean): Promise<void>;
}

interface Waiting {
  readonly take: (line: string) => boolean;
  readonly resolve: () => void;
  readonly reject: (cause: StoreError) => void;
}

const MOST_BYTES = 65_536; // of one line; a user has a few fields
const UNASKED = 'the server sent a line without a question';

/** Speaks lines on a wire. */
export function createLines({ socket, read }: Wire): Lines {
  let waiting: Waiting | null = null;
  let rest = '';
  let lost: StoreError | null = null;

  const lose = (cause: StoreError): void => {
    lost ??= cause;
    waiting?.reject(lost);
    waiting = null;
    socket.destroy();
  };
  const takeLine = (line: string): void => {
    if (waiting === null) throw new StoreError(UNASKED);
    const { take, resolve } = waiting;
    if (!take(line)) return;
    waiting = null;
    resolve();
  };
  read((bytes) => {
    const lines = (rest + bytes.toString('latin1')).split('\n');
    rest = lines.pop() as string;
    try {
      for (const line of lines) takeLine(line);
      if (waiting === null && rest !== '') throw new StoreError(UNASKED); // the next answer would complete it
      if (rest.length > MOST_BYTES) throw new StoreError(saying`the server sent a line of over ${MOST_BYTES} bytes`);
    } catch (cause) {
      lose(toStoreError(cause));
    }
  });
  const onEnd = (): void => lose(new EndedError('the server ended the connection'));
  socket.on('error', (cause) => lose(new EndedError(cause.message, { cause })));
  socket.on('end', onEnd).on('close', onEnd);

  return {
    exchange: (text, take) =>
      new Promise((resolve, reject) => {
        if (lost !== null) return reject(lost);
        waiting = { take, resolve, reject };
        socket.write(text);
      }),
    ended: () => lost !== null,
    close: () => lose(new StoreError('the session was closed')),
  };
}
