import { setTimeout as sleep } from 'node:timers/promises';
import { ClosedError, StoreError } from '../../store.ts';
import type { Line } from './line.ts';

const CHECK_MS = 5_000;
const AGAIN_MS = 1_000;

/**
 * Listens to a channel until it is closed, and connects again after each failure. `changed` gets the payload of a
 * notification, or null after each new connection. `failed` is called once for each outage.
 */
export function createWatch(
  open: () => Line,
  timeoutMs: number,
  channel: string,
  changed: (what: string | null) => void,
  failed: (cause: StoreError) => void,
): { close(): Promise<void> } {
  const closing = new AbortController();
  const statement = `listen "${channel.replaceAll('"', '""')}"`;
  let line: Line | null = null;
  let told = false;

  const listen = async (): Promise<never> => {
    const opened = open();
    line = opened;
    opened.onNotification((payload) => changed(payload === undefined || payload === '' ? null : payload));
    for (let text = statement; ; text = 'select 1') {
      await opened.run(text, performance.now() + Math.min(timeoutMs, CHECK_MS));
      if (text === statement) {
        told = false;
        changed(null);
      }
      await sleep(CHECK_MS, undefined, { signal: opened.ended });
    }
  };
  const watch = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      try {
        await listen();
      } catch (cause) {
        const { cause: loss } = cause as Error; // if the connection ended during the sleep, the cause says why
        if (!told && !closing.signal.aborted) failed(loss instanceof StoreError ? loss : (cause as StoreError));
        told = true;
      }
      await sleep(AGAIN_MS, undefined, { signal: closing.signal }).catch(() => {});
    }
  };
  const watching = watch();
  return {
    async close() {
      closing.abort();
      line?.end(new ClosedError());
      await watching;
    },
  };
}
