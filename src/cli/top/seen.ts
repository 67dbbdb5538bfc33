import type { Counted } from '../../daemon/metrics/counted.ts';
import type { Health } from '../../daemon/metrics/health.ts';
import { type Ask, withControl } from '../ask.ts';
import type { StoresAnswer } from '../stores.ts';

/** What a daemon told of itself, at about one moment. */
export interface Seen {
  /** When, as Date.now() counts. */
  readonly at: number;
  readonly counted: Counted;
  readonly stores: StoresAnswer;
  readonly health: Health;
}

const TIMEOUT_MS = 2_000; // the health waits for a store for a second at most

/** Asks the daemon that has the control socket now, so that a restart or takeover is followed. Throws CliError. */
export function look(control: string): Promise<Seen> {
  const work = async (ask: Ask): Promise<Seen> => ({
    counted: await ask<Counted>('counts', ''),
    at: Date.now(),
    stores: await ask<StoresAnswer>('stores', ''),
    health: await ask<Health>('health', ''),
  });
  return withControl(control, work, { timeoutMs: TIMEOUT_MS });
}
