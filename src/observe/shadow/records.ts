import type { Keys } from '../keys.ts';
import { type Collection, createCollection } from './collect.ts';
import { appendLines, compact } from './file.ts';

/** Keeps what maps in shadow would have said, over restarts. Nothing of it waits, and nothing of it throws. */
export interface ShadowRecords extends Pick<Collection, 'watch' | 'add' | 'join'> {
  /** Writes what is waiting. Takes two seconds at most: a disk that hangs must not keep the process from ending. */
  close(): Promise<void>;
}

export interface RecordsOptions {
  readonly file: string;
  readonly pid: number;
  /** How keys are shown at the moment (log.keys). */
  readonly keys: () => Keys;
  /** The file cannot be written. Called once, until it could be written again. */
  readonly failed: (file: string, cause: unknown) => void;
}

const EACH_MS = 2_000;
const CLOSE_MS = 2_000;
const SMALLEST_COMPACTED = 4 * 1024 * 1024; // bytes
const GROWTH = 1.5;

/** Writes the records to a file, in the background and every two seconds. Makes no file before there is something to write. */
export function createRecords({ file, pid, keys, failed }: RecordsOptions): ShadowRecords {
  const waiting = createCollection(keys);
  let unkept = 0;
  let compactAt = SMALLEST_COMPACTED;
  let isFailing = false;
  let timer: NodeJS.Timeout | null = null;
  let writing: Promise<void> = Promise.resolve();

  const fail = (cause: unknown): void => {
    if (!isFailing) failed(file, cause);
    isFailing = true;
  };
  const write = async (): Promise<void> => {
    if (waiting.isEmpty) return;
    const ledger = waiting.take(unkept);
    unkept += ledger.unkept;
    let size: number;
    try {
      size = await appendLines(file, ledger.lines());
    } catch (cause) {
      for (const _ of ledger.records) unkept++; // a part may have been written, so it is not written again
      return fail(cause);
    }
    unkept = 0;
    if (size > compactAt) {
      compactAt = GROWTH * size;
      try {
        compactAt = Math.max(SMALLEST_COMPACTED, GROWTH * (await compact(file, pid)));
      } catch (cause) {
        return fail(cause);
      }
    }
    isFailing = false;
  };
  const writeSoon = (): void => {
    timer ??= setTimeout(() => {
      timer = null;
      writing = writing.then(write);
    }, EACH_MS).unref();
  };
  return {
    watch(maps) {
      waiting.watch(maps);
      if (maps.length > 0) writeSoon();
    },
    add(shadowed) {
      waiting.add(shadowed);
      writeSoon();
    },
    join(items) {
      waiting.join(items);
      writeSoon();
    },
    close() {
      if (timer !== null) clearTimeout(timer);
      timer = null;
      writing = writing.then(write);
      const patience = new Promise<void>((resolve) => setTimeout(resolve, CLOSE_MS).unref());
      return Promise.race([writing, patience]);
    },
  };
}
