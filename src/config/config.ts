import type { MapKind } from '../map/kind.ts';
import type { Protocol } from '../protocol/framing.ts';
import type { ClientLimits } from '../socket/clients.ts';
import type { Limits } from '../socket/connection.ts';
import type { Binding } from '../socket/listener.ts';
import type { StoreConfig } from '../store/driver.ts';
import type { Mistake } from '../toml/type.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/** What the daemon runs on, checked and complete. */
export interface Config {
  readonly log: { readonly level: (typeof LOG_LEVELS)[number] };
  readonly limits: Limits & ClientLimits & { readonly stopMs: number; readonly handoverMs: number };
  readonly listeners: ReadonlyMap<string, ListenerConfig>;
  /** Where `smmap stores` and `smmap cache` ask; null where no listener has a path that it could be beside. */
  readonly control: ControlConfig | null;
  readonly stores: ReadonlyMap<string, StoreConfig>;
  readonly maps: ReadonlyMap<string, MapConfig>;
}

/** A listener of ours, or one that systemd holds and passes in under its FileDescriptorName. */
export type ListenerConfig = { readonly protocol: Protocol } & (
  | Exclude<Binding, { kind: 'inherited' }>
  | { readonly kind: 'systemd'; readonly name: string }
);

export type ControlConfig = Extract<ListenerConfig, { kind: 'unix' }>;

/** Its stores are asked in this order, each for what it can answer. */
export interface MapConfig extends MapKind {
  readonly stores: readonly string[];
}

/** A configuration that cannot be used. It names every mistake, since nobody wants to find them one start at a time. */
export class ConfigError extends Error {
  override name = 'ConfigError';
  readonly mistakes: readonly Mistake[];

  constructor(file: string, mistakes: readonly Mistake[]) {
    super(mistakes.map(({ key, reason, remedy }) => `${file}: ${key}: ${reason}; ${remedy}`).join('\n'));
    this.mistakes = mistakes;
  }
}
