import type { About, Reply, Request } from '../vocabulary.ts';
import { createTally } from './tally.ts';

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
  canaryFailed(store: string, server: string | null, cause: unknown): void;
  canaryRecovered(store: string, server: string | null): void;
  /** Nothing of a kind that it is asked for was ever written to it, so it is certain of nothing. */
  storeEmpty(store: string, about: About, cause: unknown): void;
  /** Sharply less of a kind (`mailbox`, `alias`, `domain`, `key NAME` of a table) is there than was. An alarm. */
  storeShrank(store: string, kind: string, before: number, after: number): void;
  /**
   * One answer. OK at debug, a refusal (NOTFOUND, PERM) at info, a deferral (TEMP) at warn with its cause. Where a
   * NOTFOUND refuses nobody, such as an address that is no alias, it is at debug too: a mail server may ask 39 times
   * for one recipient. Deferrals of one cause are one line a second, as are all events below that have a count.
   */
  answered(request: Request, reply: Reply, cause: unknown, refuses: boolean): void;
  /** A TEMP that no map gave: too many connections, a malformed request (null), a reply that is too long. */
  refusedHere(request: Request | null, reason: string): void;
  deadlinePassed(request: Request, deadlineMs: number): void;
  connectionEnded(why: string): void;
  /** Beyond the hard limit. */
  connectionRefused(open: number): void;
  connectionForbidden(listener: string, address: string): void;
  /** Its socket file is gone, so that no client comes in. An alarm; `listening` says that it was bound again. */
  socketLost(listener: string, cause: string): void;
  acceptFailed(listener: string, cause: unknown): void;
  /** More clients are configured than this process may have files and sockets open; it should have `wanted`. */
  fewDescriptors(limit: number, hardConnections: number, wanted: number): void;
  stalled(forMs: number): void;
  reloaded(config: string, listeners: readonly string[]): void;
  /**
   * The configuration or a listener of it is no good, or what is `expected` less; the daemon goes on with what it has.
   */
  reloadRefused(cause: unknown, expected: boolean): void;
  /** Another daemon has taken over, and this one serves its clients on until they close. */
  handingOver(open: number): void;
  stopping(why: string, open: number): void;
  stopped(): void;
  failed(cause: unknown): void;
  /** So many lines found no room, since nobody read them. */
  lost(lines: number): void;
  /** Writes what is counted and not written yet. */
  flush(): void;
}

/** Takes an event of a level, and a text for a person, as pino does. */
export interface Logger {
  isLevelEnabled(level: string): boolean;
  debug(event: object, text: string): void;
  info(event: object, text: string): void;
  warn(event: object, text: string): void;
  error(event: object, text: string): void;
  fatal(event: object, text: string): void;
}

/** The commands that add a mailbox and ask for it, for who starts with an empty store. */
export interface FirstSteps {
  readonly add: string;
  readonly ask: string;
}

/** Makes the log of what takes its events. */
export function createLog(logger: Logger, firstSteps: FirstSteps): Log {
  const deferred = createTally<{ request: Request | null; cause: string }>(({ request, cause }, count, mixed) => {
    const event = { event: 'deferred', count, ...mixedOf(mixed), ...request, reply: 'TEMP', cause };
    logger.warn(event, `deferred${times(count)}: ${cause}${andOthers(mixed)}`);
  });
  const deadlines = createTally<Request & { deadlineMs: number }>((first, count) => {
    const { map, key, deadlineMs } = first;
    const event = { event: 'deadline_passed', count, map, key, deadlineMs };
    logger.warn(event, `deferred${times(count)}: no answer within ${deadlineMs} ms`);
  });
  const ended = createTally<string>((why, count) => {
    logger.info({ event: 'connection_ended', count, why }, `connection ended${times(count)}: ${why}`);
  });
  const refused = createTally<number>((open, count) => {
    const event = { event: 'connection_refused', count, open };
    logger.warn(event, `connection refused${times(count)}: ${open} are open`);
  });
  const forbidden = createTally<{ listener: string; address: string }>(({ listener, address }, count) => {
    const event = { event: 'connection_forbidden', count, listener, address };
    logger.warn(event, `connection refused${times(count)}: ${address} is in no allowed network`);
  });
  const acceptFailed = createTally<{ listener: string; cause: string }>(({ listener, cause }, count, mixed) => {
    const event = { event: 'accept_failed', count, ...mixedOf(mixed), listener, cause };
    logger.error(event, `accept failed${times(count)}: ${cause}${andOthers(mixed)}`);
  });
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
    canaryFailed(store, server, cause) {
      const reason = messageOf(cause);
      const text = `store ${nameOf(store, server)} is not trusted, so it answers TEMP: ${reason}`;
      logger.error({ event: 'canary_failed', store, ...at(server), cause: reason }, text);
    },
    canaryRecovered(store, server) {
      const text = `store ${nameOf(store, server)} is trusted again`;
      logger.info({ event: 'canary_recovered', store, ...at(server) }, text);
    },
    storeEmpty(store, about, cause) {
      const { add, ask } = firstSteps;
      const text =
        about === 'mailbox'
          ? `never held a mailbox, so it answers TEMP; add a mailbox: ${add}; then ask for it: ${ask}`
          : `answers TEMP: ${messageOf(cause)}`;
      logger.warn({ event: 'store_empty', store, about }, `store ${store} ${text}`);
    },
    storeShrank(store, kind, before, after) {
      const text = `store ${store} has ${after} records of ${kind}, where it had ${before}: was that meant? If not: smmap store restore`;
      logger.warn({ event: 'store_shrank', store, kind, before, after }, text);
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
        deferred.add(reason, { request, cause: reason });
      }
    },
    refusedHere: (request, cause) => deferred.add(cause, { request, cause }),
    deadlinePassed: (request, deadlineMs) => deadlines.add('', { ...request, deadlineMs }),
    connectionEnded: (why) => ended.add(why, why),
    connectionRefused: (open) => refused.add('', open),
    connectionForbidden: (listener, address) => forbidden.add(listener, { listener, address }),
    socketLost(listener, cause) {
      logger.error({ event: 'socket_lost', listener, cause }, `no client of listener ${listener} comes in: ${cause}`);
    },
    acceptFailed(listener, cause) {
      const reason = messageOf(cause);
      acceptFailed.add(`${listener} ${reason}`, { listener, cause: reason });
    },
    fewDescriptors(limit, hardConnections, wanted) {
      const text =
        `hard_connections is ${hardConnections}, but this process may have only ${limit} files and sockets open; clients beyond that are ` +
        `closed without an answer: set LimitNOFILE (ulimit -n) to ${wanted} or more, or lower hard_connections`;
      logger.warn({ event: 'few_descriptors', limit, hardConnections, wanted }, text);
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
    reloadRefused(cause, expected) {
      const reason = expected ? messageOf(cause) : `of an unexpected error: ${messageOf(cause)}`;
      const stack = expected ? {} : { err: cause };
      logger.error({ event: 'reload_refused', cause: reason, ...stack }, `goes on as before, since ${reason}`);
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
    lost(lines) {
      logger.warn({ event: 'log_lost', lines }, `${lines} lines of this log are lost, since nobody read it`);
    },
    flush() {
      for (const tally of [deferred, deadlines, ended, refused, forbidden, acceptFailed]) tally.flush();
    },
  };
}

function times(count: number): string {
  return count === 1 ? '' : `, ${count} times`;
}

/** Of so many causes that they were counted together. */
function mixedOf(mixed: boolean): { readonly mixed?: true } {
  return mixed ? { mixed } : {};
}

function andOthers(mixed: boolean): string {
  return mixed ? ', and other causes' : '';
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
