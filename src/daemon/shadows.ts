import type { Config, MapConfig } from '../config/config.ts';
import { ACCEPT, type Value } from '../map/kind.ts';
import { kindOf } from '../map/kinds.ts';
import type { Handler, Outcome, Shadow, Shadows } from '../map/map.ts';
import { acceptAll, acceptance, answeredBy, isSameReply } from '../map/shadow.ts';
import type { Log, MapFacts } from '../observe/log.ts';
import type { Deferral } from '../socket/connection.ts';
import type { Reply, Request } from '../vocabulary.ts';

type Maps = Pick<Config, 'maps'>;

/** The names of the maps in shadow. */
export function mapsInShadow({ maps }: Maps): readonly string[] {
  return Array.from(maps).flatMap(([name, { shadow }]) => (shadow === undefined ? [] : [name]));
}

/** Whether the map of a request is in shadow. */
export function isInShadow(config: Maps, request: Request): boolean {
  return mapOf(config, request)?.shadow !== undefined;
}

/** Who replies instead of each map in shadow. */
export function shadowsOf({ maps }: Maps, handlers: ReadonlyMap<string, Handler>): ReadonlyMap<string, Shadow> {
  return new Map(
    Array.from(maps).flatMap(([name, map]): [string, Shadow][] => {
      const { shadow } = map;
      if (shadow === undefined) return [];
      return [
        [name, shadow === ACCEPT ? acceptAll(valueOf(map)) : answeredBy(shadow, handlers.get(shadow) as Handler)],
      ];
    }),
  );
}

/** The same, with what they say told to the log. An error of the log never reaches a client. */
export function toldShadows(
  config: Maps,
  handlers: ReadonlyMap<string, Handler>,
  log: Log,
  facts: (request: Request) => MapFacts,
): Shadows {
  return {
    maps: shadowsOf(config, handlers),
    told(request, { reply: would, cause }: Outcome, reply) {
      try {
        const map = mapOf(config, request) as MapConfig;
        const isSame = isSameReply(would, reply, (one, other) => kindOf(map).isSame?.(one, other) ?? true);
        log.shadowed(request, { would, cause, reply, isSame }, facts(request));
      } catch (error) {
        log.failed(error);
      }
    },
  };
}

/** The OK of a map with `shadow = "accept"` that is not asked. Null for any other map: its clients get TEMP. */
export function acceptedInstead(config: Maps, request: Request, sendable: (reply: Reply) => Reply): Reply | null {
  const map = mapOf(config, request);
  return map?.shadow === ACCEPT ? acceptance(valueOf(map), request.key, sendable) : null;
}

/** What decides about a request that has no answer. */
export interface Deferring {
  readonly config: Pick<Config, 'maps' | 'limits'>;
  readonly facts: (request: Request) => MapFacts;
  /** Whether another daemon has taken over: this configuration is old then, and accepts nobody. */
  readonly isReplaced: boolean;
}

/** Logs that a request has no answer, and says what the client gets instead of TEMP. Null: TEMP. */
export function replyWithoutAnswer(
  why: Deferral,
  request: Request,
  sendable: (reply: Reply) => Reply,
  { config, facts, isReplaced }: Deferring,
  log: Log,
): Reply | null {
  const accepted = isReplaced ? null : acceptedInstead(config, request, sendable);
  if (accepted !== null) log.acceptedHere(request, why, facts(request));
  else if (why === 'deadline passed') log.deadlinePassed(request, config.limits.deadlineMs, facts(request));
  else log.refusedHere(request, why, request.asked);
  return accepted;
}

function mapOf({ maps }: Maps, { map }: Request): MapConfig | undefined {
  return maps.get(map) ?? maps.get('*');
}

function valueOf(map: MapConfig): Value {
  return kindOf(map).accepts?.(map.options) ?? (() => ACCEPT);
}
