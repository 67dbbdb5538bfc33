import { setTimeout as sleep } from 'node:timers/promises';
import { formatDuration } from '../columns.ts';
import { CliError, EXIT } from '../error.ts';
import { screenOf } from './screen.ts';
import { look, type Seen } from './seen.ts';
import { isTerminal, openTerminal } from './terminal.ts';
import { viewOf } from './view.ts';

export interface TopOptions {
  /** The control socket. */
  readonly control: string;
  /** Prints once and ends. */
  readonly once: boolean;
  readonly json: boolean;
}

const EACH_MS = 1_000;
const LATENCIES_OF = 60; // looks: a minute

/**
 * Shows what the running daemon does, each second anew, until the user ends it. Resolves to the exit code. Throws CliError if
 * the daemon does not answer at first; later it waits for the daemon, or the one after it.
 */
export async function top({ control, once, json }: TopOptions): Promise<number> {
  if (once) return print(control, json);
  if (!isTerminal(process.env)) {
    throw new CliError(EXIT.USAGE, 'smmap top needs a terminal; print it once instead: smmap top --once');
  }
  return watch(control, await look(control));
}

async function print(control: string, json: boolean): Promise<number> {
  const before = await look(control);
  await sleep(EACH_MS);
  const view = viewOf(await look(control), before, null);
  const lines = json
    ? [JSON.stringify(view)]
    : screenOf(view, { columns: Infinity, rows: Infinity }, null).map(({ text }) => text);
  process.stdout.write(lines.map((line) => `${line}\n`).join(''));
  return 0;
}

async function watch(control: string, oldest: Seen): Promise<number> {
  const seen: Seen[] = [oldest]; // of the last minute
  let lost: string | null = null;
  const show = (): void => {
    const [last = oldest, first = oldest] = [seen.at(-1), seen[0]];
    const footer = `${new Date().toTimeString().slice(0, 8)}, each second anew; q ends it`;
    const lines = screenOf(viewOf(last, seen.at(-2) ?? null, seen.length > 1 ? first : null), terminal.size, footer);
    const old = `these numbers are ${formatDuration(Date.now() - last.at)} old: ${lost}`;
    terminal.show(
      lost === null ? lines : [{ text: old.slice(0, terminal.size.columns), tone: 'bad' }, ...lines.slice(1)],
    );
  };
  const stop = new AbortController(); // of the sleep, which would hold up the end of the process
  const terminal = openTerminal(process.env, show);
  const lookAgain = async (): Promise<null> => {
    try {
      seen.push(await look(control));
      if (seen.length > LATENCIES_OF + 1) seen.shift();
      lost = null;
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      [lost = null] = error.message.split('\n');
    }
    return null;
  };
  try {
    for (;;) {
      show();
      const code = await Promise.race([terminal.ended, sleep(EACH_MS, null, { signal: stop.signal })]);
      const ended = code ?? (await Promise.race([terminal.ended, lookAgain()]));
      if (ended !== null) return ended;
    }
  } finally {
    terminal.close();
    stop.abort();
  }
}
