import type { Listeners, NamedListener } from './listeners.ts';

const LENT_MS = 2_000; // longer than the rest of a start takes from when the new daemon listens

/**
 * Returns a function that closes the TCP ports of a daemon, because two processes cannot listen on one port. It listens again
 * after two seconds, unless the daemon `ends` by then because another one has taken over.
 */
export function createLending(
  listeners: Listeners,
  configured: () => readonly NamedListener[],
  ends: () => boolean,
  failed: (cause: unknown) => void,
): () => void {
  let lent = false;
  const listen = async (wanted: readonly NamedListener[]): Promise<boolean> => {
    try {
      await listeners.exchange(wanted, false);
      return true;
    } catch (cause) {
      if (!ends()) failed(cause);
      return false;
    }
  };
  const back = async (): Promise<void> => {
    lent = !ends() && !(await listen(configured()));
    if (lent) backSoon();
  };
  const backSoon = (): void => void setTimeout(() => void back(), LENT_MS).unref();
  return () => {
    if (lent || ends()) return;
    lent = true;
    void listen(configured().filter(({ config }) => config.kind !== 'tcp'));
    backSoon();
  };
}
