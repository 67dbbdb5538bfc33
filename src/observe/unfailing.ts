import type { Log } from './log.ts';
import { createTally } from './tally.ts';

type Tell = (...what: readonly unknown[]) => void;

/**
 * A log that never throws: replies, timers and sockets tell it what happens, and a bug in it must cost a line and not the
 * process. The log says itself that it failed, once a second.
 */
export function unfailing(log: Log): Log {
  const failures = createTally<unknown>((cause) => {
    try {
      log.failed(cause);
    } catch {
      // nobody can be told
    }
  });
  const failed = (cause: unknown): void => failures.add('', cause);
  const guarded = Object.entries<Tell>(log as unknown as Record<string, Tell>).map(([name, tell]): [string, Tell] => [
    name,
    (...what) => {
      try {
        tell(...what);
      } catch (cause) {
        failed(cause);
      }
    },
  ]);
  return {
    ...(Object.fromEntries(guarded) as unknown as Log),
    /** The same without a list of its arguments, since each reply comes here. */
    answered(request, reply, cause, map) {
      try {
        log.answered(request, reply, cause, map);
      } catch (failure) {
        failed(failure);
      }
    },
  };
}
