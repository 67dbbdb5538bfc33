import type { Config } from '../../config/config.ts';
import type { Newest } from '../../observe/newest.ts';
import type { Explanation } from '../explain.ts';
import type { Observed } from '../metrics/collect.ts';
import type { Health } from '../metrics/health.ts';
import type { History } from './history.ts';

/** What the page shows of a daemon. */
export interface Seen extends Omit<Observed, 'loopDelays'> {
  readonly config: Pick<Config, 'maps' | 'log'>;
  readonly health: Health;
  readonly history: Pick<History, 'minutes' | 'hourOf' | 'statesOf'>;
  readonly newest: Pick<Newest, 'refusals' | 'deferrals' | 'changes' | 'troubleOf'>;
  /** As Date.now() counts. */
  readonly now: number;
  /** Null: nobody may ask. */
  readonly explaining: Explaining | null;
}

/** The form that explains an address: what was asked by it, and what came of that. */
export interface Explaining {
  readonly key: string;
  readonly map: string;
  /** Null: nothing was asked, or it could not be explained. */
  readonly explanation: Explanation | null;
  /** Why nothing was explained. */
  readonly mistake: string | null;
}
