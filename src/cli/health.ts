import type { Health } from '../daemon/metrics/health.ts';
import { withControl } from './ask.ts';
import { CliError } from './error.ts';

export interface HealthOptions {
  /** The control socket. */
  readonly control: string;
  /** Whether a daemon that is healthy but not ready is a failure too. */
  readonly ready: boolean;
  readonly json: boolean;
}

const FAILURE = 1;

/**
 * Asks the running daemon whether it is healthy, and prints the answer in words. Resolves to the exit code: 0, or 1 if it is
 * not, or cannot be asked.
 */
export async function health({ control, ready, json }: HealthOptions): Promise<number> {
  const { unhealthy, unready } = await asked(control);
  const flaws = ready ? [...unhealthy, ...unready] : unhealthy;
  const exitCode = flaws.length === 0 ? 0 : FAILURE;
  const words = [
    unhealthy.length === 0 ? 'healthy' : 'not healthy',
    ...unhealthy,
    unready.length === 0 ? 'ready' : 'not ready',
    ...unready,
  ];
  const all = { healthy: unhealthy.length === 0, ready: unready.length === 0, unhealthy, unready, exitCode };
  process.stdout.write(json ? `${JSON.stringify(all)}\n` : words.map((line) => `${line}\n`).join(''));
  return exitCode;
}

/** A daemon that does not answer is not healthy. */
async function asked(control: string): Promise<Health> {
  try {
    return await withControl(control, (ask) => ask<Health>('health', ''));
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return { unhealthy: [error.message], unready: ['the daemon cannot be asked'] };
  }
}
