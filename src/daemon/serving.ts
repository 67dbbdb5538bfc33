import type { Socket } from 'node:net';
import type { Config } from '../config/config.ts';
import type { Source } from '../config/load.ts';
import type { Protocol } from '../protocol/framing.ts';
import type { Maybe, Request } from '../vocabulary.ts';
import type { Commands, ShownStore } from './control.ts';
import type { Explanation } from './explain.ts';
import type { ObservedStore, Served } from './metrics/collect.ts';

/** A configuration, and the text that it was read from. */
export interface Loaded {
  readonly config: Config;
  readonly source: Source;
}

/** Another configuration whose stores are open, and which is not in use yet. */
export interface Prepared {
  /** Uses it from now on. The stores that only the old one has are closed when their questions are past their deadline. */
  commit(): Promise<void>;
  abandon(): Promise<void>;
}

/** What is observed of those who serve. The listeners and the harvest watch are those of the daemon. */
export interface Report extends Pick<Served, 'counts' | 'connections' | 'loops' | 'newest'> {
  readonly stores: ReadonlyMap<string, ObservedStore & ShownStore>;
}

/** Serves the clients of the maps: in this process (solo.ts), or in several workers (workers/team.ts). */
export interface Serving {
  /** How many clients are connected. */
  readonly clients: number;
  /** Serves a socket whose client did not connect before `since`. `listener` is the name of its listener. */
  accept(socket: Socket, since: number, protocol: Protocol, listener: string): void;
  /** The commands of the control socket about the stores. */
  readonly commands: Commands;
  explain(request: Request & { readonly key: string }): Promise<Explanation>;
  observe(): Maybe<Report>;
  /** The listeners are open: warns of what may go wrong. */
  started(): void;
  /** Opens the stores of another configuration. Rejects, and nothing has changed, if that cannot be used. */
  prepare(next: Loaded): Promise<Prepared>;
  /** Another daemon has taken over: asks it instead from now on, and tells it that this one still runs. */
  retire(): void;
  /** After `retire`: goes on serving until all clients have closed, or for limits.handover_ms. */
  finish(): Promise<void>;
  /** Answers the requests it has, half-closes, and waits until the clients have closed, or for limits.stop_ms. */
  stop(): Promise<void>;
  /** Answers the requests it has, and closes all clients. */
  end(): Promise<void>;
  /** Closes all stores. No client is served any more. */
  close(): Promise<void>;
}
