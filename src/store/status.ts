import { messageOf } from '../message.ts';
import type { Availability } from './guard/breaker.ts';
import type { CanaryEvents } from './guard/canary.ts';
import type { Counts } from './guard/meter.ts';

/** The state of a store, for `smmap stores`. */
export interface Status {
  readonly driver: string;
  readonly servers: readonly ServerStatus[];
  readonly counts: Counts;
}

/** The state of one server of a store. */
export interface ServerStatus {
  readonly name: string;
  /** Why it is not asked, or not trusted: the newest cause. Null: it is asked and trusted. */
  readonly trouble: string | null;
  /** When this last changed, as date and time in ISO 8601. */
  readonly since: string;
  /** Whether it is asked: it answers, and its breaker is closed. */
  readonly isUp: boolean;
  /** Whether its canaries are found. */
  readonly isTrusted: boolean;
  /** How often it became unavailable, and how often a canary failed. */
  readonly outages: number;
  readonly canaryFailures: number;
}

/** Why a server is not asked, and why it is not trusted. */
interface Trouble {
  unavailable: string | null;
  untrusted: string | null;
  /** How many canaries fail: each of them recovers by itself. */
  failing: number;
  since: string;
  outages: number;
  canaryFailures: number;
}

/** Remembers what happens to the servers of a store, and passes the events on. */
export function createStatus(driver: string) {
  const servers = new Map<string, Trouble>();
  return {
    watch(server: string | null, events: Availability & CanaryEvents): Availability & CanaryEvents {
      const trouble: Trouble = {
        unavailable: 'not asked yet',
        untrusted: null,
        failing: 0,
        since: '',
        outages: 0,
        canaryFailures: 0,
      };
      const now = (change: Partial<Trouble>): void => {
        Object.assign(trouble, change, { since: new Date().toISOString() });
      };
      let isDown = false; // an outage may be told again with another cause
      now({});
      servers.set(server ?? driver, trouble);
      return {
        opened() {
          now({ unavailable: null });
          isDown = false;
          events.opened();
        },
        unavailable(cause) {
          now({ unavailable: messageOf(cause), outages: trouble.outages + (isDown ? 0 : 1) });
          isDown = true;
          events.unavailable(cause);
        },
        recovered() {
          const failing = trouble.failing - 1;
          now({ failing, untrusted: failing === 0 ? null : trouble.untrusted });
          events.recovered();
        },
        failed(cause) {
          const { failing, canaryFailures } = trouble;
          now({ failing: failing + 1, untrusted: messageOf(cause), canaryFailures: canaryFailures + 1 });
          events.failed(cause);
        },
      };
    },
    now: (counts: Counts): Status => ({
      driver,
      servers: [...servers].map(([name, { unavailable, untrusted, since, outages, canaryFailures }]) => ({
        name,
        trouble: unavailable ?? (untrusted === null ? null : `not trusted: ${untrusted}`),
        since,
        isUp: unavailable === null,
        isTrusted: untrusted === null,
        outages,
        canaryFailures,
      })),
      counts,
    }),
  };
}
