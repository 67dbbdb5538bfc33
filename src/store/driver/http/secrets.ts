import { within } from '../../within.ts';

/** Fields of the header that contain a secret: for each name, what reads its value. */
export type Secrets = Readonly<Record<string, () => Promise<string>>>;

const KEPT_MS = 1_000; // a request need not wait for the files; a new secret is used this soon

/** A function that gives the secret fields of the header. It reads all of them again after a second, or if that failed. */
export function createSecrets(secrets: Secrets, timeoutMs: number): () => Promise<Readonly<Record<string, string>>> {
  const readAll = async (): Promise<Readonly<Record<string, string>>> => {
    const entries = Object.entries(secrets).map(async ([name, read]) => [name, await read()] as const);
    try {
      return Object.fromEntries(await within(Promise.all(entries), timeoutMs, 'token'));
    } catch (cause) {
      readAt = -Infinity;
      throw cause;
    }
  };
  let readAt = -Infinity;
  let last: ReturnType<typeof readAll> = Promise.resolve({});
  return () => {
    const now = performance.now();
    if (now - readAt < KEPT_MS) return last;
    readAt = now;
    return (last = readAll());
  };
}
