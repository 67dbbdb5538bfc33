import { performance } from 'node:perf_hooks';
import type { Reply, Request } from '../vocabulary.ts';
import { type Counts, type Reason, resultOf } from './counts.ts';
import type { Harvest } from './harvest/harvest.ts';
import { type Log, type MapFacts, NO_MAP, nameOf } from './log.ts';
import type { Newest } from './newest.ts';
import type { Collection, Shadowed } from './shadow/collect.ts';

/** What a TEMP without a map is counted as. */
const OF_CONNECTIONS: Readonly<Record<string, Reason>> = {
  'malformed request': 'malformed',
  'framing error': 'framing',
  'too many connections': 'overload',
  'deadline passed': 'deadline',
};

/** Says why a reply is not OK. */
export type ReasonOf = (reply: Exclude<Reply, { kind: 'OK' }>, cause: unknown) => Reason;

/** Who is told what the log is told. */
export interface Told {
  readonly counts: Counts;
  /** For the status page. */
  readonly newest: Newest;
  readonly harvest: Pick<Harvest, 'missed'>;
  /** What maps in shadow say. */
  readonly records: Pick<Collection, 'add'>;
}

/**
 * A log that also counts what it is told, and keeps the newest of it: what the log, the metrics and the status page say is one
 * thing. An answer that comes after the deadline of its request was not sent, so it is not counted.
 */
export function createCounting(log: Log, reasonOf: ReasonOf, { counts, newest, harvest, records }: Told): Log {
  const givenUp = new WeakSet<Request>();
  const isLate = (request: Request): boolean => givenUp.has(request);
  const tookMs = ({ asked }: Pick<Request, 'asked'>): number =>
    asked === undefined ? 0 : performance.now() - asked.arrived;
  return {
    ...log,
    answered(request, reply, cause, map) {
      log.answered(request, reply, cause, map);
      if (isLate(request)) return;
      const isPlain = reply.kind === 'OK' || (reply.kind === 'NOTFOUND' && !map.refuses);
      const reason = isPlain ? null : reasonOf(reply, cause);
      const listener = request.asked?.listener ?? '';
      counts.replied(map.name, listener, reply.kind, reason, tookMs(request));
      if (reason === null) return;
      if (reason === 'absent') harvest.missed(map, listener, request.key);
      const kind = reply.kind === 'NOTFOUND' || reply.kind === 'PERM' ? 'refused' : 'deferred';
      newest.declined(kind, reason, request.key, map, { cause, asked: request.asked });
    },
    refusedHere(request, why, asked) {
      log.refusedHere(request, why, asked);
      const [listener, ms] = [asked?.listener ?? '', tookMs({ asked })];
      const reason = OF_CONNECTIONS[why] ?? 'bug';
      counts.replied(NO_MAP.name, listener, 'TEMP', reason, ms);
      newest.declined('deferred', reason, request?.key ?? null, NO_MAP, { cause: null, asked });
    },
    deadlinePassed(request, deadlineMs, map) {
      log.deadlinePassed(request, deadlineMs, map);
      givenUp.add(request);
      counts.replied(map.name, request.asked?.listener ?? '', 'TEMP', 'deadline', tookMs(request));
      newest.declined('deferred', 'deadline', request.key, map, { cause: null, asked: request.asked });
    },
    started(version, config, listeners) {
      log.started(version, config, listeners);
      newest.changed('started', `smmap ${version} started`);
    },
    storeOpened(store, server) {
      log.storeOpened(store, server);
      newest.troubled(store, server, null);
      newest.changed(`store ${nameOf(store, server)} is available`);
    },
    storeUnavailable(store, server, cause) {
      log.storeUnavailable(store, server, cause);
      newest.troubled(store, server, cause);
      newest.changed(`store ${nameOf(store, server)} is unavailable`);
    },
    canaryFailed(store, server, cause) {
      log.canaryFailed(store, server, cause);
      newest.troubled(store, server, cause);
      newest.changed(`the canary of store ${nameOf(store, server)} failed`);
    },
    canaryRecovered(store, server) {
      log.canaryRecovered(store, server);
      newest.troubled(store, server, null);
      newest.changed(`the canary of store ${nameOf(store, server)} recovered`);
    },
    shadowed(request, shadow, map) {
      if (isLate(request)) return;
      log.shadowed(request, shadow, map);
      const { would, cause, reply, isSame } = shadow;
      counts.shadowed(map.name, would.kind);
      const reason = would.kind === 'OK' ? null : reasonOf(would, cause);
      if (reason === 'absent' && reply.kind === 'OK') harvest.missed(map, request.asked?.listener ?? '', request.key);
      records.add({ ...recordOf(request, map, would.kind, reply.kind), reason, isSame });
    },
    acceptedHere(request, why, map) {
      log.acceptedHere(request, why, map);
      givenUp.add(request);
      counts.replied(map.name, request.asked?.listener ?? '', 'OK', null, tookMs(request));
      counts.shadowed(map.name, 'TEMP');
      records.add({
        ...recordOf(request, map, 'TEMP', 'OK'),
        reason: OF_CONNECTIONS[why] ?? 'bug',
        isSame: false,
      });
    },
    connectionEnded(why) {
      log.connectionEnded(why);
      counts.happened('ended', why.replaceAll(' ', '_'));
    },
    connectionRefused(open) {
      log.connectionRefused(open);
      counts.happened('turnedAway', 'hard_connections');
    },
    connectionForbidden(listener, address) {
      log.connectionForbidden(listener, address);
      counts.happened('turnedAway', 'allow');
    },
    socketLost(listener, cause) {
      log.socketLost(listener, cause);
      counts.happened('socketsLost', listener);
      newest.changed(`the socket file of listener ${listener} is gone`);
    },
    acceptFailed(listener, cause) {
      log.acceptFailed(listener, cause);
      counts.happened('acceptFailures', listener);
    },
    storeShrank(store, kind, before, after, isHeld) {
      log.storeShrank(store, kind, before, after, isHeld);
      counts.happened('shrinks', store);
      newest.changed(`shrank ${store} ${kind}`, `store ${store} has ${after} records of ${kind}, and had ${before}`);
    },
    stalled(forMs) {
      log.stalled(forMs);
      counts.happened('stalls', '');
      newest.changed('stalled', `this process stood still for ${Math.round(forMs)} ms`);
    },
    workerEnded(worker, ...what) {
      log.workerEnded(worker, ...what);
      newest.changed(`worker ${worker} ended, and another one takes its place`);
    },
    reloaded(...what) {
      log.reloaded(...what);
      const [, , changes] = what;
      newest.changed(`reloaded: ${changes.length === 0 ? 'nothing changed' : changes.join('; ')}`);
      counts.happened('reloads', 'accepted');
      counts.configuration = { readAt: Date.now(), accepted: true };
    },
    reloadRefused(cause, expected) {
      log.reloadRefused(cause, expected);
      newest.changed('reload refused', 'a reload was refused, the old configuration stays; the log says why');
      counts.happened('reloads', expected ? 'refused' : 'failed');
      counts.configuration.accepted = false;
    },
  };
}

function recordOf(
  { key }: Request,
  { name, isDomain }: MapFacts,
  would: Reply['kind'],
  reply: Reply['kind'],
): Omit<Shadowed, 'reason' | 'isSame'> {
  return { map: name, key, isDomain, would: resultOf(would), reply: resultOf(reply) };
}
