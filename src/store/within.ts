import { StoreError } from './store.ts';

/** Waits for a promise, for `timeoutMs` at most: then it throws a StoreError. */
export function within<T>(promise: Promise<T>, timeoutMs: number, what: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = (): void => reject(new StoreError(`no ${what} within ${timeoutMs} ms`));
    const timer = setTimeout(late, timeoutMs);
    const inTime = (value: T): void => {
      clearTimeout(timer);
      resolve(value);
    };
    const failed = (cause: unknown): void => {
      clearTimeout(timer);
      reject(cause);
    };
    promise.then(inTime, failed);
  });
}
