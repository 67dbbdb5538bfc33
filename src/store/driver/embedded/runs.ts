import { StoreError } from '../../store.ts';
import type { Entry } from './derived.ts';
import type { Portion } from './portion.ts';
import type { Spill } from './spill.ts';

/**
 * Entries in a file, in several runs, each of which is in the order of its keys. An entry is the length of its key (2
 * bytes) and of its text (4 bytes), then both in UTF-8. All bits of the second length: the text is that of the entry
 * before.
 */
export interface Runs {
  /** Writes a run. Then the portion is empty. */
  write(portion: Portion): void;
  /** The runs, in the order in which they were written. */
  all(): readonly Iterable<Entry>[];
}

const HEAD_BYTES = 6;
const SAME = 0xff_ff_ff_ff;
const WRITE_BYTES = 2 ** 18;
const READ_BYTES = 2 ** 16; // of each run

/** Runs in a file, of which there are none yet. */
export function createRuns(spill: Spill): Runs {
  const runs: (readonly [start: number, end: number])[] = [];
  const waiting = Buffer.allocUnsafeSlow(WRITE_BYTES);
  let used = 0;
  let end = 0;
  const flush = (): void => {
    spill.append(waiting.subarray(0, used));
    end += used;
    used = 0;
  };
  const put = (bytes: Buffer, from: number, to: number): void => {
    for (let done = from; done < to;) {
      if (used === WRITE_BYTES) flush();
      const copied = bytes.copy(waiting, used, done, to);
      done += copied;
      used += copied;
    }
  };
  return {
    write(portion) {
      const start = end;
      const head = Buffer.alloc(HEAD_BYTES);
      portion.takeBytes(({ bytes, keyStart, keyEnd, textStart, textEnd, isSame }) => {
        head.writeUInt16LE(keyEnd - keyStart, 0);
        head.writeUInt32LE(isSame ? SAME : textEnd - textStart, 2);
        put(head, 0, HEAD_BYTES);
        put(bytes, keyStart, keyEnd);
        if (!isSame) put(bytes, textStart, textEnd);
      });
      flush();
      runs.push([start, end]);
    },
    all: () => runs.map(([from, to]) => read(spill, from, to)),
  };
}

function* read(spill: Spill, from: number, to: number): Generator<Entry> {
  let bytes = Buffer.allocUnsafeSlow(READ_BYTES);
  let [start, end] = [0, 0]; // of what was read and not yet used
  let position = from;
  /** Takes so many bytes: the place at which they start. */
  const take = (length: number): number => {
    if (end - start < length) {
      const rest = bytes.subarray(start, end);
      if (length > bytes.length) bytes = Buffer.allocUnsafeSlow(length);
      rest.copy(bytes);
      [start, end] = [0, rest.length];
      while (end < length) {
        const got = spill.read(bytes.subarray(end, Math.min(bytes.length, end + to - position)), position);
        if (got === 0)
          throw new StoreError('the file of the sorted list was cut off; nothing was changed; run this again');
        position += got;
        end += got;
      }
    }
    start += length;
    return start - length;
  };
  let text = '';
  const isEnd = (): boolean => position === to && start === end;
  while (!isEnd()) {
    const head = take(HEAD_BYTES);
    const [keyLength, textLength] = [bytes.readUInt16LE(head), bytes.readUInt32LE(head + 2)];
    const keyStart = take(keyLength);
    const key = bytes.toString('utf8', keyStart, keyStart + keyLength);
    if (textLength !== SAME) {
      const textStart = take(textLength);
      text = bytes.toString('utf8', textStart, textStart + textLength);
    }
    yield { key, text };
  }
}
