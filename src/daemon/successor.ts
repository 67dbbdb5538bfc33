import type { Config, ControlConfig } from '../config/config.ts';
import { type Endpoint, parseEndpoint } from '../endpoint.ts';
import { andThen } from '../maybe.ts';
import type { SocketMapProtocol } from '../protocol/framing.ts';
import { parseReply } from '../protocol/reply.ts';
import { openClient } from '../socket/client.ts';
import type { Maybe, Reply, Request } from '../vocabulary.ts';
import type { Older } from './control.ts';
import type { Listeners, MapListener } from './listeners.ts';

const FAILED: Reply = { kind: 'TEMP', reason: 'lookup failed' };

/** The daemon that took over cannot be asked, or sent something that is not a reply. */
export class SuccessorError extends Error {
  override name = 'SuccessorError';
}

/** Where to ask a daemon. */
export interface Place {
  readonly endpoint: Endpoint;
  readonly protocol: SocketMapProtocol;
}

/** The listener of a daemon at which its successor can be asked. Null if no listener has a known path or port. */
export function placeOf(listeners: readonly MapListener[]): Place | null {
  const places = listeners
    .filter(({ where }) => /^(?:unix|tcp):/.test(where))
    .map(({ where, protocol }): Place => ({ endpoint: parseEndpoint(where), protocol }));
  return places.find(({ protocol }) => protocol === 'netstring') ?? places[0] ?? null;
}

/**
 * Asks the daemon that listens at a place now. Each request has a connection of its own, so it always reaches the newest
 * daemon and keeps no older one running. The reply is TEMP if no valid reply comes in time.
 */
export async function askSuccessor(
  place: Place | null,
  request: Request,
  limits: Pick<Config['limits'], 'deadlineMs' | 'replyBytes'>,
  failed: (reply: Reply, cause: unknown) => void,
): Promise<Reply> {
  try {
    return await ask(place, request, limits);
  } catch (cause) {
    failed(FAILED, cause);
    return FAILED;
  }
}

async function ask(
  place: Place | null,
  { map, key }: Request,
  { deadlineMs, replyBytes }: Pick<Config['limits'], 'deadlineMs' | 'replyBytes'>,
): Promise<Reply> {
  if (place === null)
    throw new SuccessorError('this daemon was replaced, and does not know where the new daemon listens');
  if (key === null) throw new SuccessorError('this daemon was replaced, and cannot pass on a key that is not UTF-8');
  const client = await openClient(place.endpoint, { timeoutMs: deadlineMs, replyBytes, protocol: place.protocol });
  try {
    const payload = await client.ask(map, key);
    const reply = parseReply(payload);
    if (reply === null) throw new SuccessorError(`the new daemon sent an invalid reply: ${payload.slice(0, 100)}`);
    return reply;
  } finally {
    client.close();
  }
}

/** `sendable` turns a reply into one that can be sent to the client. */
type Answer = (request: Request, sendable: (reply: Reply) => Reply) => Maybe<Reply>;

/** Where another daemon may take the place of this one: see Listeners. A worker has to ask who took a path. */
export interface Heirs extends Pick<Listeners, 'ofMaps'> {
  taken(): Maybe<MapListener | null>;
}

/** What a succession needs from its daemon. */
export interface Predecessor {
  readonly answer: Answer;
  readonly config: () => Pick<Config, 'limits' | 'control'>;
  readonly listeners: Heirs;
  /** What the new daemon is told about this one. */
  readonly older: () => Older;
  /** Whether the map of a request is in shadow: then an OK may be one that only this configuration makes. */
  readonly isInShadow: (request: Request) => boolean;
  /** The new daemon could not be asked. */
  readonly failed: (request: Request, reply: Reply, cause: unknown) => void;
}

export interface Succession {
  /** Answers as the daemon does. But if another daemon has taken a path, it asks that one before a refusal, or instead of a map in shadow: its configuration is newer. */
  readonly answer: Answer;
  /** Whether the daemon that took over was asked for this. It does not say why: NOTFOUND may be about what is no address. */
  readonly isPassedOn: (request: Request) => boolean;
  /** Whether another daemon has taken the place of this one, so that only its configuration counts. */
  readonly isReplaced: boolean;
  /**
   * From now on, asks the daemon that listens where this one did: its configuration and stores are newer. If it
   * `listens` already, it is also asked about the refusals that are on their way.
   */
  begin(listens: boolean): Successor;
}

/** The daemon that comes after this one. */
export interface Successor {
  /** Whether we know where to ask it. */
  readonly isKnown: boolean;
  /** Stops telling it that this daemon still runs. */
  leave(): void;
}

/** Decides who answers the clients of a daemon while another daemon takes its place. */
export function createSuccession({ answer, config, listeners, older, isInShadow, failed }: Predecessor): Succession {
  const passedOn = new WeakSet<Request>();
  const askAt =
    (places: readonly MapListener[]): Answer =>
    async (request, sendable) => {
      passedOn.add(request);
      const tell = (reply: Reply, cause: unknown): void => failed(request, reply, cause);
      return sendable(await askSuccessor(placeOf(places), request, config().limits, tell));
    };
  let next: Answer | null = null;
  let isTaken = false;
  return {
    answer(request, sendable) {
      if (next !== null) return next(request, sendable);
      return andThen(answer(request, sendable), (reply) => {
        const isRefusal = reply.kind === 'NOTFOUND' || reply.kind === 'PERM';
        if (!isRefusal && !isInShadow(request)) return reply;
        if (isTaken && next !== null) return next(request, sendable);
        return andThen(listeners.taken(), (taken) => (taken === null ? reply : askAt([taken])(request, sendable)));
      });
    },
    isPassedOn: (request) => passedOn.has(request),
    get isReplaced() {
      return next !== null || listeners.taken() !== null;
    },
    begin(listens) {
      const { ofMaps } = listeners;
      isTaken = listens;
      next = askAt(ofMaps);
      return { isKnown: placeOf(ofMaps) !== null, leave: reportTo(config().control, older) };
    },
  };
}

const REPORT_MS = 10_000;

/** Reports this daemon to the one on the control socket, now and every ten seconds, until the returned function is called. */
export function reportTo(control: ControlConfig | null, older: () => Older): () => void {
  if (control === null) return () => {};
  const report = async (): Promise<void> => {
    try {
      const options = { timeoutMs: REPORT_MS, replyBytes: 1_000, protocol: 'netstring' } as const;
      const client = await openClient(control, options);
      await client.ask('older', JSON.stringify(older())).finally(() => client.close());
    } catch {
      // The new daemon has another control socket, or does not run: then `smmap stores` does not show this daemon.
    }
  };
  void report();
  const timer = setInterval(() => void report(), REPORT_MS).unref();
  return () => clearInterval(timer);
}
