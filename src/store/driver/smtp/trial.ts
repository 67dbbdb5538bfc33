/** Remembers which domains a server accepts everybody in. */
export interface Trials {
  /** Null: a name that nobody has must be tried, for the first time or again. */
  acceptsAll(domain: string): boolean | null;
  learn(domain: string, acceptsAll: boolean): void;
}

const FRESH_MS = 3_600_000;
const MOST_DOMAINS = 1_000;

export function createTrials(clock: () => number = () => performance.now()): Trials {
  const known = new Map<string, { readonly acceptsAll: boolean; readonly at: number }>();
  return {
    acceptsAll(domain) {
      const trial = known.get(domain);
      return trial === undefined || clock() - trial.at > FRESH_MS ? null : trial.acceptsAll;
    },
    learn(domain, acceptsAll) {
      if (known.size >= MOST_DOMAINS) known.clear(); // they are tried again
      known.set(domain, { acceptsAll, at: clock() });
    },
  };
}
