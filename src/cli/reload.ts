import { RELOAD_MS } from '../daemon/control.ts';
import type { Refusal, Reloaded } from '../daemon/reloads.ts';
import { withControl } from './ask.ts';
import { CliError, EXIT } from './error.ts';

const EXIT_CODES: Readonly<Record<Refusal, number>> = {
  configuration: EXIT.CONFIG,
  listener: EXIT.CANNOT_CREATE,
  bug: EXIT.BUG,
};

/**
 * Has the running daemon read its configuration again, and waits until it uses it. Prints what changed, and resolves to the
 * exit code. Throws CliError if the daemon refused the configuration.
 */
export function reload(control: string): Promise<number> {
  return withControl(
    control,
    async (ask) => {
      const outcome = await ask<Reloaded>('reload', '');
      if ('refused' in outcome) {
        const exitCode = EXIT_CODES[outcome.refused] ?? EXIT.BUG;
        throw new CliError(
          exitCode,
          `${outcome.reason}\nthe reload was refused, so the old configuration stays in use`,
        );
      }
      const lines = outcome.changes.length === 0 ? ['nothing has changed'] : outcome.changes;
      process.stdout.write(lines.map((line) => `${line}\n`).join(''));
      return 0;
    },
    { timeoutMs: RELOAD_MS + LONGER_MS },
  );
}

const LONGER_MS = 1_000; // than the daemon takes to say that it cannot tell
