// What was true when: for each key, the writes that made it exist or not, with the clocks before and after each.

/** A write that made a key exist or not. While nobody knows whether it was done, `endMs` is Infinity. */
interface Change {
  readonly exists: boolean;
  readonly beginMs: number;
  endMs: number;
}

/** A write under way. Whoever began it says how it ended, or nothing where that is not known. */
export interface Write {
  done(nowMs: number): void;
}

export interface History {
  /** A write begins. The writes of a key are made one after the other. */
  begin(key: string, exists: boolean, nowMs: number): Write;
  /** Whether the key may have existed (or not) at some moment from `fromMs` to `toMs`. */
  could(key: string, exists: boolean, fromMs: number, toMs: number): boolean;
  /** What was last written to it, for a report: `exists since 1200..1205 ms`. */
  tell(key: string): string;
}

/** A history in which keys are as they are at first. A key that it was not told of never exists. */
export function createHistory(first: Readonly<Record<string, boolean>>): History {
  const changes = new Map<string, Change[]>();
  for (const [key, exists] of Object.entries(first))
    changes.set(key, [{ exists, beginMs: -Infinity, endMs: -Infinity }]);
  const of = (key: string): Change[] => changes.get(key) ?? [{ exists: false, beginMs: -Infinity, endMs: -Infinity }];
  return {
    begin(key, exists, nowMs) {
      const change: Change = { exists, beginMs: nowMs, endMs: Infinity };
      const all = of(key);
      all.push(change);
      changes.set(key, all);
      return { done: (endMs) => void (change.endMs = endMs) };
    },
    could(key, exists, fromMs, toMs) {
      let overMs = Infinity; // when a later write was surely done
      const all = of(key);
      for (let at = all.length - 1; at >= 0; at--) {
        const change = all[at] as Change;
        if (change.exists === exists && change.beginMs <= toMs && overMs >= fromMs) return true;
        overMs = Math.min(overMs, change.endMs);
        if (overMs < fromMs) return false; // what was before cannot be meant
      }
      return false;
    },
    tell(key) {
      const last = of(key)
        .slice(-3)
        .map(({ exists, beginMs, endMs }) => {
          const when = beginMs === -Infinity ? 'from the start' : `written ${ms(beginMs)}..${ms(endMs)}`;
          return `${exists ? 'exists' : 'absent'} (${when})`;
        });
      return last.join(', ');
    },
  };
}

function ms(value: number): string {
  return value === Infinity ? '?' : `${Math.round(value)} ms`;
}
