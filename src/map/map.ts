import { andThen } from '../maybe.ts';
import { SaidError, plain, saying } from '../message.ts';
import type { Trace } from '../trace.ts';
import type { Maybe, Reply, Request } from '../vocabulary.ts';

/** Replies to the keys of one map. May throw or reject: that becomes TEMP. With a trace it says how it decides. */
export type Handler = (key: string | null, trace?: Trace) => Maybe<Reply>;

export const NOTFOUND: Reply = { kind: 'NOTFOUND' };

/** The key cannot be an address, a domain, or whatever the map is about. */
export const NO_ADDRESS: Reply = { kind: 'NOTFOUND', why: 'no_address' };

const FAILED: Reply = { kind: 'TEMP', reason: 'lookup failed' };
const UNKNOWN_MAP: Reply = { kind: 'TEMP', reason: 'unknown map' };

/** A map cannot know the answer, even if its store works. The message is for the log, with the remedy. */
export class UncertainError extends SaidError {
  override name = 'UncertainError';
}

/** A request names a map that the configuration does not have. */
export class UnknownMapError extends UncertainError {
  override name = 'UnknownMapError';
}

/** Called for every reply: the one place from which the log learns of them. */
export interface Answered {
  (request: Request, reply: Reply, cause: unknown): void;
}

/** What a map says, and why if its lookup failed. */
export interface Outcome {
  readonly reply: Reply;
  readonly cause: unknown;
}

/** One request to a map in shadow. */
export interface Asking {
  readonly key: string | null;
  /** Turns a reply into one that the client can get. */
  readonly sendable: (reply: Reply) => Reply;
  readonly trace: Trace | undefined;
  /** Called once for each request, perhaps after the reply: what the map itself says, and what the client gets. */
  readonly told: (would: Outcome, reply: Reply) => void;
}

/** Replies instead of a map that is in shadow. `own` is that map. Never throws or rejects. */
export type Shadow = (own: Handler, asking: Asking) => Maybe<Outcome>;

/** The maps in shadow, and who is told what they say. */
export interface Shadows {
  readonly maps: ReadonlyMap<string, Shadow>;
  told(request: Request, would: Outcome, reply: Reply): void;
}

/**
 * The one place that turns a throw into TEMP, and a name into a map. The map `*` replies to every name without a map of
 * its own. Without `*`, an unknown name is TEMP. The cause of a failure goes to `answered`, never to the client.
 * `sendable` turns a reply into one that the client can get; `answered` gets the same one. A map of `shadows` is asked,
 * but its shadow replies.
 */
export function createAnswer(
  maps: ReadonlyMap<string, Handler>,
  answered: Answered,
  shadows: Shadows | null = null,
): (request: Request, sendable?: (reply: Reply) => Reply, trace?: Trace) => Maybe<Reply> {
  const anyMap = maps.get('*');
  const inShadow = shadows === null || shadows.maps.size === 0 ? null : shadows;
  const unknown = new UnknownMapError(saying`unknown map; the maps are ${plain([...maps.keys()].join(', '))}`);
  const succeeded = (request: Request, sendable: (reply: Reply) => Reply, found: Reply): Reply => {
    const reply = sendable(found);
    answered(request, reply, null);
    return reply;
  };
  const failed = (request: Request, cause: unknown): Reply => {
    answered(request, FAILED, cause);
    return FAILED;
  };
  const later = (request: Request, sendable: (reply: Reply) => Reply, found: Promise<Reply>): Promise<Reply> =>
    found.then(
      (reply) => succeeded(request, sendable, reply),
      (cause: unknown) => failed(request, cause),
    );
  return (request, sendable = asItIs, trace) => {
    trace?.note('key', request.key ?? 'not UTF-8');
    const handler = maps.get(request.map) ?? anyMap;
    trace?.note(
      'map',
      maps.has(request.map)
        ? `[map.${request.map}]`
        : `there is no [map.${request.map}]${anyMap === undefined ? '' : ', so [map."*"]'}`,
      handler === undefined ? undefined : '',
    );
    if (handler === undefined) {
      const reply = sendable(UNKNOWN_MAP);
      answered(request, reply, unknown);
      return reply;
    }
    const shadow = inShadow?.maps.get(maps.has(request.map) ? request.map : '*');
    if (inShadow !== null && shadow !== undefined) {
      const told: Asking['told'] = (would, reply) => inShadow.told(request, would, reply);
      return andThen(shadow(handler, { key: request.key, sendable, trace, told }), ({ reply, cause }) => {
        answered(request, reply, cause);
        return reply;
      });
    }
    try {
      const found = handler(request.key, trace);
      return found instanceof Promise ? later(request, sendable, found) : succeeded(request, sendable, found);
    } catch (cause) {
      return failed(request, cause);
    }
  };
}

/** What a map says to a request in shadow. A throw is TEMP. */
export function outcomeOf(handler: Handler, { key, sendable, trace }: Asking): Maybe<Outcome> {
  const succeeded = (found: Reply): Outcome => ({ reply: sendable(found), cause: null });
  const failed = (cause: unknown): Outcome => ({ reply: FAILED, cause });
  try {
    const reply = handler(key, trace);
    return reply instanceof Promise ? reply.then(succeeded, failed) : succeeded(reply);
  } catch (cause) {
    return failed(cause);
  }
}

function asItIs(reply: Reply): Reply {
  return reply;
}
