/** The time of what a connection does, one thing after the other. */
export interface Limit {
  /** Something begins that must end before this time, by performance.now(). */
  begin(untilMs: number): void;
  end(): void;
}

/** Calls `late` when something did not end in time. One timer serves many things: most end long before it fires. */
export function createLimit(late: () => void): Limit {
  let untilMs = Infinity;
  let timer: NodeJS.Timeout | null = null;
  let firesMs = Infinity;

  const arm = (nowMs: number): void => {
    firesMs = untilMs;
    timer = setTimeout(check, Math.max(0, untilMs - nowMs)).unref(); // whoever waits has a socket that is open
  };
  const check = (): void => {
    timer = null;
    const nowMs = performance.now();
    if (untilMs === Infinity) return;
    if (nowMs < untilMs) arm(nowMs);
    else late();
  };
  return {
    begin(until) {
      untilMs = until;
      if (timer !== null && firesMs <= until) return;
      if (timer !== null) clearTimeout(timer);
      arm(performance.now());
    },
    end() {
      untilMs = Infinity;
    },
  };
}
