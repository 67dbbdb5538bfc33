import { within } from '../../within.ts';

const LOOK_MS = 1_500;

/**
 * A function that looks at something slow, and resolves to what a look sees that begins after the call. All calls that
 * wait share one look. There are never two at a time, because each one holds one of the four threads of Node while a
 * file server hangs. Rejects after 1.5 s, and then at once until that look has ended.
 */
export function createLook<T>(see: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | null = null;
  let next: Promise<T> | null = null;
  let hung: unknown = null;
  const begin = async (): Promise<T> => {
    await running?.catch(() => {});
    next = null;
    running = see();
    try {
      return await running;
    } finally {
      hung = null;
    }
  };
  return async () => {
    if (hung !== null) throw hung;
    let ended = false;
    const look = (next ??= begin()).finally(() => {
      ended = true;
    });
    try {
      return await within(look, LOOK_MS, 'look at the files');
    } catch (cause) {
      if (!ended) hung = cause;
      throw cause;
    }
  };
}
