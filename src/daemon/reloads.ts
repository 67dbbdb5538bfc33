import { type Config, ConfigError } from '../config/config.ts';
import { ListenError } from '../socket/claim.ts';
import { MissingPackageError } from '../store/store.ts';
import type { Loaded } from './serving.ts';

/** What came of a reload: what changed, a line for each part; or why the old configuration stays. */
export type Reloaded = { readonly changes: readonly string[] } | { readonly refused: Refusal; readonly reason: string };

/** The configuration has a mistake, or a driver has no package; a listener is not available; or a bug. */
export type Refusal = 'configuration' | 'listener' | 'bug';

/** Reloads run one after the other. */
export interface Reloads {
  /** Resolves to what came of a reload that started after this call. Requests that wait share one reload. */
  request(): Promise<Reloaded>;
  /** Requests are served from now on, by this function. */
  begin(reload: () => Promise<Reloaded>): void;
}

/** Starts without serving requests: they wait for `begin`. */
export function createReloads(): Reloads {
  let begin: Reloads['begin'] = () => {};
  const begun = new Promise<() => Promise<Reloaded>>((resolve) => {
    begin = resolve;
  });
  let waiting: Promise<Reloaded> | null = null;
  let last: Promise<unknown> = begun;
  return {
    request() {
      waiting ??= last.then(async () => {
        waiting = null;
        return (await begun)();
      });
      last = waiting;
      return waiting;
    },
    begin: (reload) => begin(reload),
  };
}

/** Throws ConfigError if another configuration wants another number of processes: they are there from the start. */
export function refuseOtherWorkers({ workers }: Config, { config, source }: Loaded): void {
  if (config.workers === workers) return;
  const reason = `cannot be changed from ${workers} to ${config.workers} by a reload`;
  const remedy = 'restart the daemon: systemctl restart smmap, or smmap serve --takeover';
  throw new ConfigError(source.file, [{ key: 'workers', reason, remedy }]);
}

/** Whose fault it is that a reload failed. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof ConfigError || error instanceof MissingPackageError) return 'configuration';
  return error instanceof ListenError ? 'listener' : 'bug';
}
