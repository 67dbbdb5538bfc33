import type { Config, ControlConfig } from '../config/config.ts';
import type { Older } from './control.ts';
import type { Listeners, MapListener } from './listeners.ts';
import { andThen } from '../maybe.ts';
import { parseReply } from '../protocol/reply.ts';
import { openClient } from '../socket/client.ts';
import { type Endpoint, parseEndpoint } from '../endpoint.ts';
import type { Protocol } from '../protocol/framing.ts';
import type { Maybe, Reply, Request } from '../vocabulary.ts';

const FAILED: Reply = { kind: 'TEMP', reason: 'lookup failed' };

/** Where a daemon is asked. */
export interface Place {
  readonly endpoint: Endpoint;
  readonly protocol: Protocol;
}

/** The place among a daemon's listeners where its successor can be asked; null where none is known by its path or port. */
export function placeOf(listeners: readonly MapListener[]): Place | null {
  const places = listeners
    .filter(({ where }) => /^(?:unix|tcp):/.test(where))
    .map(({ where, protocol }): Place => ({ endpoint: parseEndpoint(where), protocol }));
  return places.find(({ protocol }) => protocol === 'netstring') ?? places[0] ?? null;
}

/**
 * Asks the daemon that listens at a place now. Each question has a connection of its own, so that it always goes to the
 * newest daemon and keeps no other one alive. TEMP where nobody answers in time, or answers something else.
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
  if (place === null) throw new Error('this daemon was replaced, and knows no place where the next one listens');
  if (key === null) throw new Error('this daemon was replaced, and passes on no key that is not UTF-8');
  const client = await openClient(place.endpoint, { timeoutMs: deadlineMs, replyBytes, protocol: place.protocol });
  try {
    const payload = await client.ask(map, key);
    const reply = parseReply(payload);
    if (reply === null) throw new Error(`the next daemon said what is no reply: ${payload.slice(0, 100)}`);
    return reply;
  } finally {
    client.close();
  }
}

/** `sendable` makes of a reply what the client can be sent. */
type Answer = (request: Request, sendable: (reply: Reply) => Reply) => Maybe<Reply>;

/** What of a daemon matters to its succession. */
export interface Predecessor {
  readonly answer: Answer;
  readonly config: () => Pick<Config, 'limits' | 'control'>;
  readonly listeners: Pick<Listeners, 'ofMaps' | 'taken'>;
  /** What the next daemon is told of it. */
  readonly older: () => Older;
  /** The next daemon could not be asked. */
  readonly failed: (request: Request, reply: Reply, cause: unknown) => void;
}

export interface Succession {
  /** As the daemon itself, but a refusal counts only while no other daemon has a path of it: that one's configuration is newer. */
  readonly answer: Answer;
  /** From now on all is asked of the daemon that listens where this one did: its configuration and stores are newer. */
  begin(): Successor;
}

/** The daemon that comes after this one. */
export interface Successor {
  /** Whether it is known where it can be asked. */
  readonly isKnown: boolean;
  /** Tells it no more that this daemon still lives. */
  leave(): void;
}

/** What becomes of the questions of a daemon's clients when another daemon takes its place. */
export function createSuccession({ answer, config, listeners, older, failed }: Predecessor): Succession {
  const askAt =
    (places: readonly MapListener[]): Answer =>
    async (request, sendable) => {
      const tell = (reply: Reply, cause: unknown): void => failed(request, reply, cause);
      return sendable(await askSuccessor(placeOf(places), request, config().limits, tell));
    };
  let next: Answer | null = null;
  return {
    answer(request, sendable) {
      if (next !== null) return next(request, sendable);
      return andThen(answer(request, sendable), (reply) => {
        if (reply.kind !== 'NOTFOUND' && reply.kind !== 'PERM') return reply;
        const taken = listeners.taken();
        return taken === null ? reply : askAt([taken])(request, sendable);
      });
    },
    begin() {
      const { ofMaps } = listeners;
      next = askAt(ofMaps);
      return { isKnown: placeOf(ofMaps) !== null, leave: reportTo(config().control, older) };
    },
  };
}

const REPORT_MS = 10_000;

/** Tells the daemon that listens on a control socket of this one, now and again, until what it returns is called. */
function reportTo(control: ControlConfig | null, older: () => Older): () => void {
  if (control === null) return () => {};
  const report = async (): Promise<void> => {
    try {
      const options = { timeoutMs: REPORT_MS, replyBytes: 1_000, protocol: control.protocol };
      const client = await openClient(control, options);
      await client.ask('older', JSON.stringify(older())).finally(() => client.close());
    } catch {
      // It has another control socket, or is not there for a while: `smmap stores` does not show this daemon then.
    }
  };
  void report();
  const timer = setInterval(() => void report(), REPORT_MS).unref();
  return () => clearInterval(timer);
}
