import { StoreError } from './store.ts';

/** Waits for a promise, for `timeoutMs` at most: then it throws a StoreError. */
export async function within<T>(promise: Promise<T>, timeoutMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new StoreError(`no ${what} within ${timeoutMs} ms`)), timeoutMs);
  });
  return await Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
