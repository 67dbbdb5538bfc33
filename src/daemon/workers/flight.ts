import type { Accepted } from './handover.ts';

/** What a worker says of its connections from time to time: how many it serves, and how many it has taken since its start. */
export interface Told {
  readonly clients: number;
  readonly taken: number;
}

/** The connection on its way to a worker, and how many that one serves. */
export interface Flight {
  /** The one that was given and not taken yet. */
  readonly flying: Accepted | null;
  /** How many it serves at most, with the one on its way. Those that have ended since it last spoke are counted. */
  readonly most: number;
  /** How many it served when it last spoke. */
  readonly served: number;
  give(accepted: Accepted): void;
  /** The last one that was given is taken. */
  landed(): void;
  /** The worker has spoken. True: by that, the last one has landed. */
  told(told: Told): boolean;
}

/**
 * One connection at a time. Node's own acknowledgement says that a worker has it, so the worker does not say it again for each.
 * What it says now and then lands those that Node does not acknowledge. With a Node that acknowledged none, all would go on,
 * but slowly.
 */
export function createFlight(): Flight {
  let flying: Accepted | null = null;
  let served = 0;
  let since = 0; // taken since it last spoke; its words and the acknowledgements come in their order
  let given = 0;
  const landed = (): void => {
    if (flying !== null) since++;
    flying = null;
  };
  return {
    get flying() {
      return flying;
    },
    get most() {
      return served + since + (flying === null ? 0 : 1);
    },
    get served() {
      return served;
    },
    give(accepted) {
      flying = accepted;
      given++;
    },
    landed,
    told({ clients, taken }) {
      const hasAll = flying !== null && taken === given;
      if (hasAll) landed();
      served = clients;
      since = 0;
      return hasAll;
    },
  };
}
