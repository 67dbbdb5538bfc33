/** When a server may be asked again that said 421: it wants us to come later. */
export interface Pause {
  /** How long the pause under way is; 0: there is none. */
  lengthMs(): number;
  /** A pause begins. Each is twice as long as the one before. */
  begin(): void;
  /** The server answered, so the next pause is a short one. */
  end(): void;
}

export interface PauseOptions {
  readonly firstMs: number;
  readonly longestMs: number;
}

export function createPause({ firstMs, longestMs }: PauseOptions, clock = () => performance.now()): Pause {
  let nextMs = firstMs;
  let underWay = { lengthMs: 0, until: 0 };
  return {
    lengthMs: () => (clock() < underWay.until ? underWay.lengthMs : 0),
    begin() {
      if (clock() < underWay.until) return; // two sessions were told the same
      underWay = { lengthMs: nextMs, until: clock() + nextMs };
      nextMs = Math.min(2 * nextMs, longestMs);
    },
    end() {
      nextMs = firstMs;
    },
  };
}
