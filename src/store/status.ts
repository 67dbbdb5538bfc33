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
}

/** Why a server is not asked, and why it is not trusted. */
interface Trouble {
  unavailable: string | null;
  untrusted: string | null;
  since: string;
}

/** Remembers what happens to the servers of a store, and passes the events on. */
export function createStatus(driver: string) {
  const servers = new Map<string, Trouble>();
  return {
    watch(server: string | null, events: Availability & CanaryEvents): Availability & CanaryEvents {
      const trouble: Trouble = { unavailable: 'not asked yet', untrusted: null, since: '' };
      const now = (change: Partial<Trouble>): void => {
        Object.assign(trouble, change, { since: new Date().toISOString() });
      };
      now({});
      servers.set(server ?? driver, trouble);
      return {
        opened() {
          now({ unavailable: null });
          events.opened();
        },
        unavailable(cause) {
          now({ unavailable: messageOf(cause) });
          events.unavailable(cause);
        },
        recovered() {
          now({ untrusted: null });
          events.recovered();
        },
        failed(cause) {
          now({ untrusted: messageOf(cause) });
          events.failed(cause);
        },
      };
    },
    now: (counts: Counts): Status => ({
      driver,
      servers: [...servers].map(([name, { unavailable, untrusted, since }]) => {
        return { name, trouble: unavailable ?? (untrusted === null ? null : `not trusted: ${untrusted}`), since };
      }),
      counts,
    }),
  };
}
