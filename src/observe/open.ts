import { pino } from 'pino';
import { withPriority } from './journal.ts';
import { type FirstSteps, type Log, createLog } from './log.ts';
import { createOutput } from './output.ts';
import { escapeJson, printable } from './printable.ts';

export interface LogOptions {
  readonly level: string;
  /** Text for a person at a terminal, instead of JSON with one object a line. */
  readonly pretty: boolean;
  /** Lines begin with their priority, because journald reads them. */
  readonly journal: boolean;
  readonly firstSteps: FirstSteps;
}

export interface OpenLog {
  readonly log: Log;
  /** Writes what is waiting. Takes a second at most. */
  readonly flush: () => Promise<void>;
  readonly setLevel: (level: string) => void;
}

/** Opens the log on standard output. A log that cannot be written never stops an answer. */
export async function openLog({ level, pretty, journal, firstSteps }: LogOptions): Promise<OpenLog> {
  const output = createOutput(process.stdout.fd, (lines) => log.lost(lines));
  const json = journal ? prioritized : escapeJson;
  const format = pretty ? await prettyFormat() : json;
  const formatters = { level: (label: string) => ({ level: label }) };
  const options = { level, base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime, formatters };
  const logger = pino(options, { write: (line) => output.write(format(line)) });
  const log = createLog(logger, firstSteps);
  return {
    log,
    flush() {
      log.flush();
      return output.flush();
    },
    setLevel(next) {
      logger.level = next;
    },
  };
}

function prioritized(line: string): string {
  const [, level = 'info'] = /^\{"level":"(\w+)"/.exec(line) ?? [];
  return withPriority(level, escapeJson(line));
}

async function prettyFormat(): Promise<(line: string) => string> {
  const { prettyFactory } = await import('pino-pretty');
  const format = prettyFactory({ ignore: 'pid,event', singleLine: true, translateTime: 'SYS:HH:MM:ss' });
  return (line) => format(printable(JSON.parse(line)));
}
