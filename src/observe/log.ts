import { type DestinationStream, type Logger, destination, pino } from 'pino';
import type { About, Reply, Request } from '../vocabulary.ts';

/**
 * The events of the daemon, one function each: what is logged is an API, which docs/operations.md lists. An error's
 * message may hold a path or a host, so it is logged and never sent to a client; no event takes a password.
 */
export interface Log {
  started(version: string, config: string, listeners: readonly string[]): void;
  listening(name: string, where: string): void;
  /** Of one of its servers, where it has several. */
  storeOpened(store: string, server: string | null): void;
  storeUnavailable(store: string, server: string | null, cause: unknown): void;
  /** What is known of a store is not what it says: nothing that it says is trusted any more. An alarm. */
  canaryFellSilent(store: string, server: string | null, cause: unknown): void;
  canarySang(store: string, server: string | null): void;
  /** Nothing of a kind that it is asked for was ever written to it, so it is certain of nothing. */
  storeEmpty(store: string, about: About, cause: unknown): void;
  /**
   * One answer. OK at debug, a refusal (NOTFOUND, PERM) at info, a deferral (TEMP) at warn with its cause. Where a
   * NOTFOUND refuses nobody, such as an address that is no alias, it is at debug too: a mail server may ask 39 times for
   * one recipient.
   */
  answered(request: Request, reply: Reply, cause: unknown, refuses: boolean): void;
  deadlinePassed(request: Request, deadlineMs: number): void;
  connectionEnded(why: string): void;
  /** Beyond the hard limit; logged once a second with the number since the last line. */
  connectionRefused(open: number): void;
  connectionForbidden(listener: string, address: string): void;
  /** Its socket file is gone, so that no client comes in. An alarm; `listening` says that it was bound again. */
  socketLost(listener: string, cause: string): void;
  acceptFailed(listener: string, cause: unknown): void;
  stalled(forMs: number): void;
  reloaded(config: string, listeners: readonly string[]): void;
  /** The configuration or a listener of it is no good; the daemon goes on with what it has. */
  reloadRefused(cause: unknown): void;
  /** Another daemon has taken over, and this one serves its clients on until they close. */
  handingOver(open: number): void;
  stopping(why: string, open: number): void;
  stopped(): void;
  failed(cause: unknown): void;
}

export interface LogOptions {
  readonly level: string;
  /** For a person at a terminal instead of JSON, one object a line. */
  readonly pretty: boolean;
  /** The commands that add a mailbox and ask for it, for who starts with an empty store. */
  readonly firstSteps: FirstSteps;
}

export interface FirstSteps {
  readonly add: string;
  readonly ask: string;
}

export interface OpenLog {
  readonly log: Log;
  /** Writes what waits. */
  readonly flush: () => void;
  readonly setLevel: (level: string) => void;
}

const MOST_WAITING_BYTES = 16 * 1024 * 1024; // what waits for a log that nobody reads; the rest is dropped

/** Opens the log on standard output. A log that cannot be written never stops an answer. */
export async function openLog(options: LogOptions): Promise<OpenLog> {
  if (options.pretty) {
    const { default: pretty } = await import('pino-pretty');
    const stream = pretty({ ignore: 'pid,event', singleLine: true, translateTime: 'SYS:HH:MM:ss', sync: true });
    return logOn(loggerTo(stream, options.level), options.firstSteps, () => {});
  }
  const stream = destination({ fd: 1, sync: false, maxLength: MOST_WAITING_BYTES });
  stream.on('error', () => {});
  return logOn(loggerTo(stream, options.level), options.firstSteps, () => stream.flushSync());
}

function logOn(logger: Logger, firstSteps: FirstSteps, flush: () => void): OpenLog {
  const setLevel = (level: string): void => {
    logger.level = level;
  };
  return { log: createLog(logger, firstSteps), flush, setLevel };
}

function loggerTo(stream: DestinationStream, level: string): Logger {
  const formatters = { level: (label: string) => ({ level: label }) };
  return pino({ level, base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime, formatters }, stream);
}

export function createLog(logger: Logger, firstSteps: FirstSteps): Log {
  let refused = 0;
  let refusedAt = -Infinity;
  return {
    started(version, config, listeners) {
      logger.info({ event: 'started', version, config, listeners }, `smmap ${version} runs on ${config}`);
    },
    listening(name, where) {
      logger.info({ event: 'listening', listener: name, where }, `listening on ${where}`);
    },
    storeOpened(store, server) {
      logger.info({ event: 'store_opened', store, ...at(server) }, `store ${nameOf(store, server)} is open`);
    },
    storeUnavailable(store, server, cause) {
      const reason = messageOf(cause);
      const text = `store ${nameOf(store, server)} cannot answer: ${reason}`;
      logger.error({ event: 'store_unavailable', store, ...at(server), cause: reason }, text);
    },
    canaryFellSilent(store, server, cause) {
      const reason = messageOf(cause);
      const text = `store ${nameOf(store, server)} is not trusted, so it answers TEMP: ${reason}`;
      logger.error({ event: 'canary_silent', store, ...at(server), cause: reason }, text);
    },
    canarySang(store, server) {
      const text = `store ${nameOf(store, server)} is trusted again`;
      logger.info({ event: 'canary_sang', store, ...at(server) }, text);
    },
    storeEmpty(store, about, cause) {
      const { add, ask } = firstSteps;
      const text =
        about === 'mailbox'
          ? `never held a mailbox, so it answers TEMP; add a mailbox: ${add}; then ask for it: ${ask}`
          : `answers TEMP: ${messageOf(cause)}`;
      logger.warn({ event: 'store_empty', store, about }, `store ${store} ${text}`);
    },
    answered(request, reply, cause, refuses) {
      const { map, key } = request;
      if (reply.kind === 'OK') {
        if (logger.isLevelEnabled('debug'))
          logger.debug({ event: 'accepted', map, key, reply: reply.kind }, 'accepted');
      } else if (reply.kind === 'NOTFOUND' && !refuses) {
        if (logger.isLevelEnabled('debug'))
          logger.debug({ event: 'not_found', map, key, reply: reply.kind }, 'not found');
      } else if (reply.kind === 'NOTFOUND' || reply.kind === 'PERM') {
        logger.info({ event: 'refused', map, key, reply: reply.kind }, 'refused');
      } else {
        const reason = cause === null ? reply.reason : messageOf(cause);
        logger.warn({ event: 'deferred', map, key, reply: reply.kind, cause: reason }, `deferred: ${reason}`);
      }
    },
    deadlinePassed({ map, key }, deadlineMs) {
      logger.warn({ event: 'deadline_passed', map, key, deadlineMs }, `deferred: no answer within ${deadlineMs} ms`);
    },
    connectionEnded(why) {
      logger.info({ event: 'connection_ended', why }, `connection ended: ${why}`);
    },
    connectionRefused(open) {
      refused++;
      if (performance.now() - refusedAt < 1_000) return;
      refusedAt = performance.now();
      logger.warn({ event: 'connection_refused', open, refused }, `connection refused: ${open} are open`);
      refused = 0;
    },
    connectionForbidden(listener, address) {
      logger.warn({ event: 'connection_forbidden', listener, address }, `${address} is in no allowed network`);
    },
    socketLost(listener, cause) {
      logger.error({ event: 'socket_lost', listener, cause }, `no client of listener ${listener} comes in: ${cause}`);
    },
    acceptFailed(listener, cause) {
      logger.error({ event: 'accept_failed', listener, cause: messageOf(cause) }, `accept failed: ${messageOf(cause)}`);
    },
    stalled(forMs) {
      logger.error(
        { event: 'stalled', forMs: Math.round(forMs) },
        `this process stood still for ${Math.round(forMs)} ms`,
      );
    },
    reloaded(config, listeners) {
      logger.info({ event: 'reloaded', config, listeners }, `goes on with ${config}`);
    },
    reloadRefused(cause) {
      const reason = messageOf(cause);
      logger.error({ event: 'reload_refused', cause: reason }, `goes on as before, since ${reason}`);
    },
    handingOver(open) {
      logger.info({ event: 'handing_over', open }, `another daemon listens now, ${open} connections are served on`);
    },
    stopping(why, open) {
      logger.info({ event: 'stopping', why, open }, `stopping on ${why}, ${open} connections are open`);
    },
    stopped() {
      logger.info({ event: 'stopped' }, 'stopped');
    },
    failed(cause) {
      logger.fatal({ event: 'failed', err: cause }, `a bug, please report it: ${messageOf(cause)}`);
    },
  };
}

function at(server: string | null): { readonly server?: string } {
  return server === null ? {} : { server };
}

function nameOf(store: string, server: string | null): string {
  return server === null ? store : `${store} at ${server}`;
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
