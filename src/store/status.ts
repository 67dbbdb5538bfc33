import type { Availability } from './guard/breaker.ts';
import type { CanaryEvents } from './guard/canary.ts';
import type { Counts } from './guard/meter.ts';
import { messageOf } from './store.ts';

/** How a store is, for `smmap stores`. */
export interface Status {
  readonly driver: string;
  readonly servers: readonly ServerStatus[];
  readonly counts: Counts;
}

export interface ServerStatus {
  readonly name: string;
  /** Why it is not asked, or not trusted: the newest cause. */
  readonly trouble: string | null;
  /** Since when, as the time of the day in ISO 8601. */
  readonly since: string;
}

/** What is wrong with a server: why it is not asked, and why it is not trusted. */
interface Trouble {
  failed: string | null;
  silent: string | null;
  since: string;
}

/** Remembers what happens to the servers of a store, and passes it on. */
export function createStatus(driver: string) {
  const servers = new Map<string, Trouble>();
  return {
    watch(server: string | null, events: Availability & CanaryEvents): Availability & CanaryEvents {
      const trouble: Trouble = { failed: 'not asked yet', silent: null, since: '' };
      const now = (change: Partial<Trouble>): void => {
        Object.assign(trouble, change, { since: new Date().toISOString() });
      };
      now({});
      servers.set(server ?? driver, trouble);
      return {
        opened() {
          now({ failed: null });
          events.opened();
        },
        unavailable(cause) {
          now({ failed: messageOf(cause) });
          events.unavailable(cause);
        },
        sang() {
          now({ silent: null });
          events.sang();
        },
        fellSilent(cause) {
          now({ silent: messageOf(cause) });
          events.fellSilent(cause);
        },
      };
    },
    now: (counts: Counts): Status => ({
      driver,
      servers: [...servers].map(([name, { failed, silent, since }]) => {
        return { name, trouble: failed ?? (silent === null ? null : `not trusted: ${silent}`), since };
      }),
      counts,
    }),
  };
}
