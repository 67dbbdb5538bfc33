import { messageOf } from '../message.ts';
import type { About, Asked, Reply, Request } from '../vocabulary.ts';
import type { HarvestAlarm } from './harvest/alarm.ts';
import { createHarvestLog } from './harvest/log.ts';
import { type Keys, PLAIN } from './keys.ts';
import { shortened } from './printable.ts';
import { type InShadow, type LineOf, createShadowLog } from './shadow/log.ts';
import { createTally } from './tally.ts';
import { type WarmLog, createWarmLog } from './warm-log.ts';
import { createWorkerLog } from './worker-log.ts';

/**
 * The events of the daemon, one function for each. The log is an API: docs/errors.md lists its events. The message of an
 * error may hold a path or a host, so it is logged and never sent to a client. No event takes a password.
 */
export interface Log extends WarmLog {
  started(version: string, config: string, listeners: readonly string[]): void;
  listening(name: string, where: string): void;
  /** `server` names one server of the store; null if the store has only one. */
  storeOpened(store: string, server: string | null): void;
  storeUnavailable(store: string, server: string | null, cause: unknown): void;
  /** The store does not find its canary, or finds an address that does not exist. Nothing it says is trusted. An alarm. */
  canaryFailed(store: string, server: string | null, cause: unknown): void;
  canaryRecovered(store: string, server: string | null): void;
  /** The store is asked for a kind of record that was never written to it, so it is certain of nothing. */
  storeEmpty(store: string, about: About, cause: unknown): void;
  /**
   * The store has far fewer records of a kind (`mailbox`, `alias`, `domain`, `key NAME` of a table) than before. `isHeld`:
   * this is its new list, which is held back. An alarm.
   */
  storeShrank(store: string, kind: string, before: number, after: number, isHeld: boolean): void;
  /**
   * One reply. OK is logged at debug, a refusal (NOTFOUND, PERM) at info, a deferral (TEMP) at warn with its cause. A
   * NOTFOUND that refuses no mail, for example because an address has no alias, is logged at debug too: a mail server may
   * ask 39 times for one recipient. Deferrals with the same cause make one line a second. So do all events with a count.
   */
  answered(request: Request, reply: Reply, cause: unknown, map: MapFacts): void;
  /** Somebody seems to guess addresses of a domain. An alarm. Told once when it starts, and once when it ends. */
  harvestStarted(alarm: HarvestAlarm): void;
  harvestEnded(alarm: HarvestAlarm): void;
  /** A TEMP that did not come from a map: too many connections, a malformed request (null). */
  refusedHere(request: Request | null, reason: string, asked?: Asked): void;
  deadlinePassed(request: Request, deadlineMs: number, map: MapFacts): void;
  /** A map in shadow was asked. Only what it says differently from the reply is logged. */
  shadowed(request: Request, shadow: InShadow, map: MapFacts): void;
  /** A map in shadow could not be asked in time, or at all: the reply is OK, where it would have been TEMP. */
  acceptedHere(request: Request, reason: string, map: MapFacts): void;
  /** The records of maps in shadow cannot be written. Mail goes on. */
  shadowUnwritable(file: string, cause: unknown): void;
  connectionEnded(why: string): void;
  /** A client beyond the hard limit. */
  connectionRefused(open: number): void;
  connectionForbidden(listener: string, address: string): void;
  /** The socket file of a listener is gone, so no client can connect. An alarm. `listening` says that it is back. */
  socketLost(listener: string, cause: string): void;
  acceptFailed(listener: string, cause: unknown): void;
  /** The configuration allows more clients than this process may open files and sockets; it needs `wanted`. */
  fewDescriptors(limit: number, hardConnections: number, wanted: number): void;
  stalled(forMs: number): void;
  /** `changes`: a line for each part of the configuration that changed. */
  reloaded(config: string, listeners: readonly string[], changes: readonly string[]): void;
  /** A reload failed and the old configuration stays. `expected`: because of the configuration or one of its listeners. */
  reloadRefused(cause: unknown, expected: boolean): void;
  /** Another daemon has taken over. This one serves its clients until they close. */
  handingOver(open: number): void;
  stopping(why: string, open: number): void;
  stopped(): void;
  failed(cause: unknown): void;
  /** A worker serves clients from now on. */
  workerStarted(worker: number, pid: number): void;
  /** A worker ended; its clients have lost their connections. The next one starts after this time. An alarm. */
  workerEnded(worker: number, pid: number, why: string, againMs: number): void;
  /** A worker did not answer for so long that it is ended. */
  workerHangs(worker: number, pid: number, forMs: number): void;
  /** The secret for hashed keys cannot be used, so nobody can reveal the keys in this log. */
  secretUnusable(file: string, cause: unknown): void;
  /** Lines were dropped because nothing reads the log. */
  lost(lines: number): void;
  /** Writes the events that were counted and not written yet. */
  flush(): void;
}

/** What the log says about a map. */
export interface MapFacts {
  /** The name that the configuration has for it: `*` for any name without a map of its own. */
  readonly name: string;
  /** The names of its stores, as one text. */
  readonly stores: string;
  /** Whether its NOTFOUND refuses mail. */
  readonly refuses: boolean;
  /** Whether its keys are domains. */
  readonly isDomain: boolean;
  /** The domain of a key without one. */
  readonly defaultDomain?: string | null;
}

/** The facts for a request that names no map. */
export const NO_MAP: MapFacts = { name: 'no map', stores: '', refuses: false, isDomain: false };

/** Takes an event and a text for people, at a level, as pino does. */
export interface Logger {
  isLevelEnabled(level: string): boolean;
  debug(event: object, text: string): void;
  info(event: object, text: string): void;
  warn(event: object, text: string): void;
  error(event: object, text: string): void;
  fatal(event: object, text: string): void;
}

/** The commands that add the first mailbox and test it. */
export interface FirstSteps {
  readonly add: string;
  readonly ask: string;
}

/**
 * Makes the log from a logger. `privacy.keys` may change: it decides how what may name somebody is shown. Every text of
 * an error goes through it.
 */
export function createLog(
  logger: Logger,
  firstSteps: FirstSteps,
  privacy: { readonly keys: Keys } = { keys: PLAIN },
): Log {
  const reasonOf = (cause: unknown, key?: string | null): string => shortened(privacy.keys.cause(cause, key), 10_000);
  /** The fields of a reply: what was asked where, which stores the map has, and how long the request took. */
  const lineOf: LineOf = (event, request, reply, { stores, isDomain }, would) => {
    const [{ keys }, { asked }] = [privacy, request];
    const name = shortened(request.map);
    const map = request.map.includes('@') ? keys.key(name, false) : name; // a client that sends no map
    const key = keys.key(request.key === null ? null : shortened(request.key), isDomain);
    if (asked === undefined) return { event, map, key, reply, would };
    const ms = Math.round(performance.now() - asked.arrived);
    const { listener, client } = asked;
    return { event, map, key, reply, would, listener, client, stores: stores === '' ? undefined : stores, ms };
  };

  const deferred = createTally<{ line: object; cause: string }>(({ line, cause }, count, mixed) => {
    const event = { event: 'deferred', count, ...mixedOf(mixed), ...line, cause };
    logger.warn(event, `deferred${times(count)}: ${cause}${andOthers(mixed)}`);
  });
  const deadlines = createTally<{ line: object; deadlineMs: number }>(({ line, deadlineMs }, count) => {
    const event = { event: 'deadline_passed', count, ...line, deadlineMs };
    logger.warn(event, `deferred${times(count)}: no answer within ${deadlineMs} ms`);
  });
  const shadows = createShadowLog(logger, lineOf, reasonOf);
  const ended = createTally<string>((why, count) => {
    logger.info({ event: 'connection_ended', count, why }, `connection ended${times(count)}: ${why}`);
  });
  const refused = createTally<number>((open, count) => {
    const event = { event: 'connection_refused', count, open };
    logger.warn(event, `connection refused${times(count)}: ${open} connections are open`);
  });
  const forbidden = createTally<{ listener: string; address: string }>(({ listener, address }, count) => {
    const event = { event: 'connection_forbidden', count, listener, address };
    logger.warn(event, `connection refused${times(count)}: ${address} is not in an allowed network`);
  });
  const acceptFailed = createTally<{ listener: string; cause: string }>(({ listener, cause }, count, mixed) => {
    const event = { event: 'accept_failed', count, ...mixedOf(mixed), listener, cause };
    logger.error(event, `accept failed${times(count)}: ${cause}${andOthers(mixed)}`);
  });
  return {
    started(version, config, listeners) {
      logger.info({ event: 'started', version, config, listeners }, `smmap ${version} runs with ${config}`);
    },
    listening(name, where) {
      logger.info({ event: 'listening', listener: name, where }, `listening on ${where}`);
    },
    storeOpened(store, server) {
      logger.info({ event: 'store_opened', store, ...at(server) }, `store ${nameOf(store, server)} is available`);
    },
    storeUnavailable(store, server, cause) {
      const reason = reasonOf(cause);
      const text = `store ${nameOf(store, server)} is unavailable: ${reason}`;
      logger.error({ event: 'store_unavailable', store, ...at(server), cause: reason }, text);
    },
    canaryFailed(store, server, cause) {
      const reason = reasonOf(cause);
      const text = `the canary of store ${nameOf(store, server)} failed, so the store answers TEMP: ${reason}`;
      logger.error({ event: 'canary_failed', store, ...at(server), cause: reason }, text);
    },
    canaryRecovered(store, server) {
      const text = `the canary of store ${nameOf(store, server)} recovered`;
      logger.info({ event: 'canary_recovered', store, ...at(server) }, text);
    },
    storeEmpty(store, about, cause) {
      const { add, ask } = firstSteps;
      const text =
        about === 'mailbox'
          ? `has never held a mailbox, so it answers TEMP; add a mailbox: ${add}; then test it: ${ask}`
          : `answers TEMP: ${reasonOf(cause)}`;
      logger.warn({ event: 'store_empty', store, about }, `store ${store} ${text}`);
    },
    storeShrank(store, kind, before, after, isHeld) {
      const text = isHeld
        ? `store ${store} holds back its new list, which has ${after} records of ${kind} (before: ${before}); if the others are gone on purpose: smmap stores release ${store}`
        : `store ${store} has ${after} records of ${kind}, and had ${before}; if this is a mistake, restore them`;
      logger.warn({ event: 'store_shrank', store, kind, before, after, held: isHeld }, text);
    },
    answered(request, reply, cause, map) {
      if (reply.kind === 'OK') {
        if (logger.isLevelEnabled('debug')) logger.debug(lineOf('accepted', request, 'OK', map), 'accepted');
      } else if (reply.kind === 'NOTFOUND' && !map.refuses) {
        if (logger.isLevelEnabled('debug')) logger.debug(lineOf('not_found', request, reply.kind, map), 'not found');
      } else if (reply.kind === 'NOTFOUND' || reply.kind === 'PERM') {
        logger.info(lineOf('refused', request, reply.kind, map), 'refused');
      } else {
        const reason = reasonOf(cause ?? reply.reason, request.key);
        deferred.add(reason, { line: lineOf('deferred', request, 'TEMP', map), cause: reason });
      }
    },
    ...createWarmLog(logger, reasonOf),
    ...createHarvestLog(logger, (domain) => privacy.keys.key(domain, true)),
    refusedHere(request, cause, asked) {
      const line =
        request === null ? { reply: 'TEMP', listener: asked?.listener } : lineOf('deferred', request, 'TEMP', NO_MAP);
      deferred.add(cause, { line, cause });
    },
    deadlinePassed: (request, deadlineMs, map) =>
      deadlines.add('', { line: lineOf('deadline_passed', request, 'TEMP', map), deadlineMs }),
    ...shadows,
    connectionEnded: (why) => ended.add(why, why),
    connectionRefused: (open) => refused.add('', open),
    connectionForbidden: (listener, address) => forbidden.add(listener, { listener, address }),
    socketLost(listener, cause) {
      logger.error(
        { event: 'socket_lost', listener, cause },
        `no client can connect to listener ${listener}: ${cause}`,
      );
    },
    acceptFailed(listener, cause) {
      const reason = reasonOf(cause);
      acceptFailed.add(`${listener} ${reason}`, { listener, cause: reason });
    },
    fewDescriptors(limit, hardConnections, wanted) {
      const text =
        `hard_connections is ${hardConnections}, but this process may open only ${limit} files and sockets; clients beyond that are ` +
        `closed without an answer: set LimitNOFILE (ulimit -n) to ${wanted} or more, or lower hard_connections`;
      logger.warn({ event: 'few_descriptors', limit, hardConnections, wanted }, text);
    },
    stalled(forMs) {
      logger.error(
        { event: 'stalled', forMs: Math.round(forMs) },
        `this process stood still for ${Math.round(forMs)} ms`,
      );
    },
    reloaded(config, listeners, changes) {
      logger.info({ event: 'reloaded', config, listeners, changes }, `reloaded ${config}`);
    },
    reloadRefused(cause, expected) {
      const reason = expected ? reasonOf(cause) : `unexpected error: ${reasonOf(cause)}`;
      const stack = expected ? {} : { err: privacy.keys.error(cause) };
      logger.error(
        { event: 'reload_refused', cause: reason, ...stack },
        `reload failed, the old configuration stays: ${reason}`,
      );
    },
    handingOver(open) {
      logger.info(
        { event: 'handing_over', open },
        `another daemon took over, ${open} connections are still served here`,
      );
    },
    stopping(why, open) {
      logger.info({ event: 'stopping', why, open }, `stopping because of ${why}, ${open} connections are open`);
    },
    stopped() {
      logger.info({ event: 'stopped' }, 'stopped');
    },
    failed(cause) {
      logger.fatal(
        { event: 'failed', err: privacy.keys.error(cause) },
        `a bug in smmap, please report it: ${reasonOf(cause)}`,
      );
    },
    ...createWorkerLog(logger),
    secretUnusable(file, cause) {
      const reason = messageOf(cause); // of the file system
      const text = `the keys in this log cannot be revealed: ${reason}; let only the user of the daemon own and read ${file}, then reload`;
      logger.error({ event: 'log_secret_unusable', file, cause: reason }, text);
    },
    lost(lines) {
      logger.warn({ event: 'log_lost', lines }, `${lines} lines of this log were lost, because nothing read them`);
    },
    flush() {
      for (const tally of [deferred, deadlines, shadows, ended, refused, forbidden, acceptFailed]) tally.flush();
    },
  };
}

function times(count: number): string {
  return count === 1 ? '' : ` ${count} times`;
}

/** `mixed`: there were so many causes that they were counted together. */
function mixedOf(mixed: boolean): { readonly mixed?: true } {
  return mixed ? { mixed } : {};
}

function andOthers(mixed: boolean): string {
  return mixed ? ', and other causes' : '';
}

function at(server: string | null): { readonly server?: string } {
  return server === null ? {} : { server };
}

/** A store, or one of its servers, as a text names it. */
export function nameOf(store: string, server: string | null): string {
  return server === null ? store : `${store} at ${server}`;
}
