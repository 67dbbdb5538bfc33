import type { MapKind } from '../map/kind.ts';
import type { Protocol } from '../protocol/framing.ts';
import type { PolicyOptions } from '../protocol/policy.ts';
import type { ClientLimits } from '../socket/clients.ts';
import type { Limits } from '../socket/connection.ts';
import type { Binding } from '../socket/listener.ts';
import type { StoreConfig } from '../store/driver.ts';
import type { LineOf } from '../toml/lines.ts';
import type { Mistake } from '../toml/type.ts';

/** The log levels of a configuration. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/** How the log shows keys. */
export const LOG_KEYS = ['plain', 'domain', 'hash'] as const;

/** The complete configuration of the daemon, after all checks. */
export interface Config {
  /** How many processes answer. With 1, the daemon itself does. */
  readonly workers: number;
  readonly log: { readonly level: (typeof LOG_LEVELS)[number]; readonly keys: (typeof LOG_KEYS)[number] };
  readonly limits: Limits & ClientLimits & { readonly stopMs: number; readonly handoverMs: number };
  /** How many different addresses of a domain have to be absent in how many seconds, so that somebody seems to guess them. */
  readonly harvest: { readonly names: number; readonly windowS: number };
  readonly listeners: ReadonlyMap<string, ListenerConfig>;
  /** The socket that `smmap stores` and `smmap cache` ask. Null if it has no path and no listener has one. */
  readonly control: ControlConfig | null;
  /** Where the metrics are served. Null: nowhere. */
  readonly metrics: MetricsConfig | null;
  readonly stores: ReadonlyMap<string, StoreConfig>;
  readonly maps: ReadonlyMap<string, MapConfig>;
}

/** A listener that smmap opens, or one that systemd holds and passes to us under its FileDescriptorName. */
export type ListenerConfig = { readonly protocol: Protocol; readonly policy?: PolicyOptions } & (
  | PlaceConfig
  | { readonly kind: 'systemd'; readonly name: string }
);

/** Where smmap itself listens. */
export type PlaceConfig = Exclude<Binding, { kind: 'inherited' }>;

/** The listener of the metrics. It speaks HTTP. */
export type MetricsConfig = PlaceConfig & {
  /** Whether its status page explains addresses. */
  readonly explain: boolean;
  /** The names by which browsers may ask for its status page, besides localhost and IP addresses. */
  readonly hosts: readonly string[];
};

/** The control socket. */
export type ControlConfig = Extract<ListenerConfig, { kind: 'unix' }>;

/** A map. Its stores are asked in this order, each only the questions that it can answer. */
export interface MapConfig extends MapKind {
  readonly stores: readonly string[];
  /** Who replies instead of the map, which is only asked: `accept`, or another map. Without it, the map replies. */
  readonly shadow?: string;
}

/** A mistake, and the line of the file that has it; null if that is not certain. */
export interface LocatedMistake extends Mistake {
  readonly line: number | null;
}

/** A configuration that cannot be used. It names all mistakes, so you do not find them one by one. */
export class ConfigError extends Error {
  override name = 'ConfigError';
  readonly mistakes: readonly LocatedMistake[];

  constructor(file: string, mistakes: readonly Mistake[], lineOf: LineOf = () => null) {
    const textOf = ({ key, reason, remedy }: Mistake): string =>
      `${placeOf(file, key, lineOf)}: ${key}: ${reason}; ${remedy}`;
    super(mistakes.map(textOf).join('\n'));
    this.mistakes = mistakes.map((mistake) => ({ ...mistake, line: lineOf(mistake.key) }));
  }
}

/** Where a key stands, as a message names it: `smmap.toml:12`, or the file alone if its line is not certain. */
export function placeOf(file: string, key: string, lineOf: LineOf): string {
  const line = lineOf(key);
  return line === null ? file : `${file}:${line}`;
}
