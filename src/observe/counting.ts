import type { Reply, Request } from '../vocabulary.ts';
import { type Counts, type Reason, resultOf } from './counts.ts';
import type { Harvest } from './harvest/harvest.ts';
import { type Log, type MapFacts, NO_MAP } from './log.ts';
import type { Shadowed, ShadowRecords } from './shadow/records.ts';

/** What a TEMP without a map is counted as. */
const OF_CONNECTIONS: Readonly<Record<string, Reason>> = {
  'malformed request': 'malformed',
  'framing error': 'framing',
  'too many connections': 'overload',
  'deadline passed': 'deadline',
};

/** Says why a reply is not OK. */
export type ReasonOf = (reply: Exclude<Reply, { kind: 'OK' }>, cause: unknown) => Reason;

/**
 * A log that also counts what it is told: what the log says and what the metrics say are one thing. An answer that comes after
 * the deadline of its request was not sent, so it is not counted. What maps in shadow say goes to `records`, too.
 */
export function createCounting(
  log: Log,
  counts: Counts,
  reasonOf: ReasonOf,
  harvest: Pick<Harvest, 'missed'>,
  records: Pick<ShadowRecords, 'add'> | null = null,
): Log {
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
      if (reason === 'absent') harvest.missed(map, listener, request.key);
    },
    refusedHere(request, why, asked) {
      log.refusedHere(request, why, asked);
      const [listener, ms] = [asked?.listener ?? '', tookMs({ asked })];
      counts.replied(NO_MAP.name, listener, 'TEMP', OF_CONNECTIONS[why] ?? 'bug', ms);
    },
    deadlinePassed(request, deadlineMs, map) {
      log.deadlinePassed(request, deadlineMs, map);
      givenUp.add(request);
      counts.replied(map.name, request.asked?.listener ?? '', 'TEMP', 'deadline', tookMs(request));
    },
    shadowed(request, shadow, map) {
      if (isLate(request)) return;
      log.shadowed(request, shadow, map);
      const { would, cause, reply, isSame } = shadow;
      counts.shadowed(map.name, would.kind);
      const reason = would.kind === 'OK' ? null : reasonOf(would, cause);
      if (reason === 'absent' && reply.kind === 'OK') harvest.missed(map, request.asked?.listener ?? '', request.key);
      records?.add({ ...recordOf(request, map, would.kind, reply.kind), reason, isSame });
    },
    acceptedHere(request, why, map) {
      log.acceptedHere(request, why, map);
      givenUp.add(request);
      counts.replied(map.name, request.asked?.listener ?? '', 'OK', null, tookMs(request));
      counts.shadowed(map.name, 'TEMP');
      records?.add({
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
    },
    acceptFailed(listener, cause) {
      log.acceptFailed(listener, cause);
      counts.happened('acceptFailures', listener);
    },
    storeShrank(store, ...what) {
      log.storeShrank(store, ...what);
      counts.happened('shrinks', store);
    },
    stalled(forMs) {
      log.stalled(forMs);
      counts.happened('stalls', '');
    },
    reloaded(...what) {
      log.reloaded(...what);
      counts.happened('reloads', 'accepted');
      counts.configuration = { readAt: Date.now(), accepted: true };
    },
    reloadRefused(cause, expected) {
      log.reloadRefused(cause, expected);
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
