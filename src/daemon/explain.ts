import type { Config, MapConfig } from '../config/config.ts';
import { questionsOf, variantsOf } from '../map/kinds.ts';
import { createAnswer, type Handler, type Shadow } from '../map/map.ts';
import { messageOf } from '../message.ts';
import { sendable } from '../protocol/reply.ts';
import { canAnswer } from '../store/drivers.ts';
import type { Store } from '../store/store.ts';
import { within } from '../store/within.ts';
import { record, type Step } from '../trace.ts';
import type { Reply, Request } from '../vocabulary.ts';
import { CONTROL_REPLY_BYTES } from './control.ts';
import { hintsFor } from './hint.ts';
import { createHandler } from './maps.ts';
import { acceptedInstead, shadowsOf } from './shadows.ts';

/** How a request was decided. Plain data, because it goes over the control socket. */
export interface Explanation {
  /** The name that the client gives. */
  readonly map: string;
  readonly key: string;
  /** The kind of the map. Null if there is no such map. */
  readonly kind: string | null;
  /** The name of the map in the configuration: `*` if it is the map for all other names. Null if there is no such map. */
  readonly section: string | null;
  /** What the map may ask, in this order. */
  readonly stores: readonly string[];
  readonly steps: readonly Step[];
  /** How many steps are not in the list. */
  readonly leftOut: number;
  readonly reply: Reply;
  /** What the map says, if it is in shadow. Null if it replies itself. */
  readonly would: Reply | null;
  /** Why the lookup failed. Null if it did not. */
  readonly cause: string | null;
  readonly ms: number;
  /** Settings with which the reply would be OK. */
  readonly otherwise: readonly Otherwise[];
  readonly hints: readonly string[];
  /** Whether a listener speaks netstrings, and whether one speaks lines. */
  readonly protocols: readonly string[];
}

/** What another setting would find. */
export interface Otherwise {
  readonly setting: string;
  readonly reply: Reply;
  readonly steps: readonly Step[];
}

/** What is needed to answer requests: a configuration and what was made of it. */
export interface Answering {
  readonly config: Pick<Config, 'listeners' | 'limits' | 'stores' | 'maps'>;
  readonly stores: ReadonlyMap<string, Store>;
  readonly handlers: ReadonlyMap<string, Handler>;
}

/** A reply, what the map in shadow says, its cause if its lookup failed, and how long it took. */
interface Outcome {
  readonly reply: Reply;
  readonly would: Reply | null;
  readonly cause: unknown;
  readonly ms: number;
}

const LATE: Reply = { kind: 'TEMP', reason: 'deadline passed' };

/**
 * Answers a request as a client would get it, by the same code, and tells how. What it asks is cached and counted like any
 * other lookup. It is not logged.
 */
export async function explain(request: Request & { readonly key: string }, answering: Answering): Promise<Explanation> {
  const { config, stores, handlers } = answering;
  const { map: name, key } = request;
  const map = config.maps.get(name) ?? config.maps.get('*') ?? null;
  const trace = record();
  const answer = await ask(request, { handlers, shadows: shadowsOf(config, handlers) }, config, trace);
  const own = { ...answer, reply: answer.would ?? answer.reply };
  const otherwise = map !== null && isRefusal(own) ? await tryVariants(request, map, config, stores) : [];
  const protocols = [...new Set(Array.from(config.listeners.values(), ({ protocol }) => protocol))];
  return {
    map: name,
    key,
    kind: map?.kind ?? null,
    section: config.maps.has(name) ? name : map === null ? null : '*',
    stores: map?.stores ?? [],
    steps: trace.steps,
    leftOut: trace.leftOut,
    reply: answer.reply,
    would: answer.would,
    cause: answer.cause === null ? null : messageOf(answer.cause),
    ms: answer.ms,
    otherwise,
    hints: hintsFor({ name, key, map, config, ...own, steps: trace.steps, otherwise }),
    protocols,
  };
}

/** A refusal that another setting may change. */
function isRefusal({ reply, cause }: Outcome): boolean {
  return cause === null && (reply.kind === 'NOTFOUND' || reply.kind === 'PERM');
}

/** Asks as a connection does: by the map, within the deadline, and only for a reply that can be sent. */
async function ask(
  request: Request,
  { handlers, shadows }: { handlers: ReadonlyMap<string, Handler>; shadows: ReadonlyMap<string, Shadow> },
  config: Answering['config'],
  trace: ReturnType<typeof record>,
): Promise<Outcome> {
  const { limits } = config;
  const since = performance.now();
  const took = (): number => Number((performance.now() - since).toFixed(3));
  let cause: unknown = null;
  let would: Reply | null = null;
  const answered = (_request: Request, _reply: Reply, failure: unknown): void => void (cause ??= failure);
  const answer = createAnswer(handlers, answered, {
    maps: shadows,
    told(_request, own) {
      would = own.reply;
      cause = own.cause;
    },
  });
  const canSend = (reply: Reply): Reply => sendable(reply, limits.replyBytes);
  const answering = (async (): Promise<Reply> => await answer(request, canSend, trace))();
  try {
    const reply = await within(answering, limits.deadlineMs, 'answer');
    return { reply, would, cause, ms: took() };
  } catch (late) {
    const accepted = shadows.size === 0 ? null : acceptedInstead(config, request, canSend);
    trace.note(
      'deadline',
      `${messageOf(late)} (limits.deadline_ms), so the client gets ${accepted?.kind ?? LATE.kind}`,
    );
    return { reply: accepted ?? LATE, would: accepted === null ? null : LATE, cause: late, ms: took() };
  }
}

/** Answers the same request with other settings of its map, over all stores that can be asked then. */
async function tryVariants(
  request: Request,
  map: MapConfig,
  config: Answering['config'],
  stores: ReadonlyMap<string, Store>,
): Promise<readonly Otherwise[]> {
  const tried = variantsOf(map).map(async ({ setting, options }): Promise<Otherwise | null> => {
    const able = { ...map, options };
    const others = [...config.stores].filter(([, store]) => questionsOf(able).some((each) => canAnswer(store, each)));
    const handler = createHandler(
      { ...able, stores: [...new Set([...map.stores, ...others.map(([name]) => name)])] },
      config.stores,
      stores,
    );
    const trace = record();
    const { reply } = await ask(
      request,
      { handlers: new Map([[request.map, handler]]), shadows: new Map() },
      config,
      trace,
    );
    return reply.kind === 'OK' ? { setting, reply, steps: trace.steps } : null;
  });
  return (await Promise.all(tried)).filter((each) => each !== null);
}

/** Explains a request that stands in one text, as a client sends it: `mailbox fred@example.org`. Cuts what is too long. */
export async function explainTo(argument: string, answering: Answering): Promise<Explanation> {
  const blank = argument.indexOf(' ');
  const [map, key] = blank === -1 ? [argument, ''] : [argument.slice(0, blank), argument.slice(blank + 1)];
  return fitting(await explain({ map, key }, answering));
}

const ROOM_BYTES = 1_000;
const MOST_VALUE_CHARS = 5_000; // in JSON at most six bytes each

/** The same with fewer steps, and a shorter value, if it does not fit into a reply. */
function fitting(explanation: Explanation): Explanation {
  const isOver = (what: object): boolean => Buffer.byteLength(JSON.stringify(what)) > CONTROL_REPLY_BYTES - ROOM_BYTES;
  if (!isOver(explanation)) return explanation;
  const { reply } = explanation;
  const value = reply.kind === 'OK' ? `${reply.value.slice(0, MOST_VALUE_CHARS)}...` : '';
  const short = reply.kind === 'OK' && reply.value.length > MOST_VALUE_CHARS ? { ...reply, value } : reply;
  const cutTo = (count: number): Explanation => {
    const leftOut = explanation.leftOut + explanation.steps.length - count;
    const cut = { ...explanation, reply: short, otherwise: [], steps: explanation.steps.slice(0, count), leftOut };
    return isOver(cut) && count > 0 ? cutTo(count >> 1) : cut;
  };
  return cutTo(explanation.steps.length);
}
