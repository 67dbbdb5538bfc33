import { pino } from 'pino';
import { createCipher } from './cipher.ts';
import { withPriority } from './journal.ts';
import { DOMAINS, type Keys, PLAIN, hiding } from './keys.ts';
import { type FirstSteps, type Log, createLog } from './log.ts';
import { createOutput } from './output.ts';
import { prettyOf } from './pretty.ts';
import { escapeJson } from './printable.ts';
import { newSecret, openSecret } from './secret.ts';

/** The section [log] of the configuration. */
export interface LogSettings {
  readonly level: string;
  readonly keys: 'plain' | 'domain' | 'hash';
}

export interface LogOptions {
  readonly settings: LogSettings;
  /** Text for a person at a terminal, instead of JSON with one object a line. */
  readonly pretty: boolean;
  /** Lines begin with their priority, because journald reads them. */
  readonly journal: boolean;
  readonly firstSteps: FirstSteps;
  /** The file of the secret for `keys = "hash"`. */
  readonly secretFile: string;
  /** The number of this worker. Null: this process is none. */
  readonly worker: number | null;
}

export interface OpenLog {
  readonly log: Log;
  /** Writes what is waiting. Takes a second at most. */
  readonly flush: () => Promise<void>;
  /** How it shows keys at the moment. */
  readonly keys: () => Keys;
  /** Writes whole lines of another process, which has made them as this one does. */
  readonly write: (lines: string) => void;
  /** Changes to other settings. */
  readonly set: (settings: LogSettings) => void;
}

/** Opens the log on standard output. A log that cannot be written never stops an answer. */
export function openLog({ settings, pretty, journal, firstSteps, secretFile, worker }: LogOptions): OpenLog {
  const output = createOutput(process.stdout.fd, (lines) => log.lost(lines));
  const isColoured = (process.env['NO_COLOR'] ?? '') === '';
  const json = journal ? prioritized : escapeJson;
  const format = pretty ? (line: string) => prettyOf(line, isColoured) : json;
  const formatters = { level: (label: string) => ({ level: label }) };
  const options = {
    base: { pid: process.pid, ...(worker !== null && { worker }) },
    timestamp: createTimestamp(),
    formatters,
  };
  const logger = pino(options, { write: (line) => output.write(format(line)) });
  const privacy: { keys: Keys } = { keys: PLAIN };
  const log = createLog(logger, firstSteps, privacy);
  let hashes: Keys | null = null;
  /** Never shows an address because a secret cannot be read: then a secret that only this process has makes the hashes. */
  const openHashes = (): Keys => {
    try {
      hashes = hiding(createCipher(openSecret(secretFile)).hide);
    } catch (error) {
      hashes ??= hiding(createCipher(newSecret()).hide);
      log.secretUnusable(secretFile, error);
    }
    return hashes;
  };
  const set = ({ level, keys }: LogSettings): void => {
    logger.level = level;
    privacy.keys = keys === 'plain' ? PLAIN : keys === 'domain' ? DOMAINS : openHashes();
  };
  set(settings);
  return {
    log,
    keys: () => privacy.keys,
    write: (lines) => output.write(lines),
    flush() {
      log.flush();
      return output.flush();
    },
    set,
  };
}

function prioritized(line: string): string {
  const [, level = 'info'] = /^\{"level":"(\w+)"/.exec(line) ?? [];
  return withPriority(level, escapeJson(line));
}

/** As pino.stdTimeFunctions.isoTime, but many lines of one millisecond share one text: it is a sixth of the cost of a line. */
function createTimestamp(): () => string {
  let last = 0;
  let text = '';
  return () => {
    const now = Date.now();
    if (now !== last) {
      last = now;
      text = `,"time":"${new Date(now).toISOString()}"`;
    }
    return text;
  };
}
