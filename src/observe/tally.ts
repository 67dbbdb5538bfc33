/** Counts events that happen often, so that they make few lines. */
export interface Tally<T> {
  add(cause: string, what: T): void;
  /** Tells at once what was counted and not told yet. */
  flush(): void;
}

const EACH_MS = 1_000;
const MOST_CAUSES = 100; // at a time; a cause may contain the key, so each request could be a new cause
const OTHERS = '';

interface Counted<T> {
  first: T | null;
  count: number;
  readonly timer: NodeJS.Timeout;
}

/**
 * Tells the first event of a cause at once. Counts the next ones, and tells their number and the first of them once a
 * second, until a second passes without any. So `tell` hears of each event exactly once. Beyond a hundred causes at a time,
 * the others are counted together: `mixed`.
 */
export function createTally<T>(tell: (first: T, count: number, mixed: boolean) => void): Tally<T> {
  const causes = new Map<string, Counted<T>>();

  const tellCounted = (cause: string, counted: Counted<T>): boolean => {
    const { first, count } = counted;
    if (first === null) return false;
    counted.first = null;
    counted.count = 0;
    tell(first, count, cause === OTHERS && count > 1);
    return true;
  };
  const open = (cause: string): void => {
    const timer = setTimeout(() => {
      causes.delete(cause);
      if (tellCounted(cause, counted)) open(cause);
    }, EACH_MS).unref();
    const counted: Counted<T> = { first: null, count: 0, timer };
    causes.set(cause, counted);
  };

  return {
    add(cause, what) {
      const at = causes.has(cause) || causes.size < MOST_CAUSES ? cause : OTHERS;
      const counted = causes.get(at);
      if (counted === undefined) {
        open(at);
        tell(what, 1, false);
        return;
      }
      counted.first ??= what;
      counted.count++;
    },
    flush() {
      for (const [cause, counted] of causes) {
        clearTimeout(counted.timer);
        tellCounted(cause, counted);
      }
      causes.clear();
    },
  };
}
