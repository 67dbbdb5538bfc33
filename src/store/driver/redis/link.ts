import { ClosedError, StoreError } from '../../store.ts';
import { within } from '../../within.ts';
import type { Command, Reply } from './plan.ts';

export interface Host {
  readonly host: string;
  readonly port: number;
}

/** Where Redis is. */
export type RedisServers =
  /** redis://host:port, rediss://host:port or unix:///path */
  | { readonly kind: 'single'; readonly url: string }
  | { readonly kind: 'sentinel'; readonly sentinels: readonly Host[]; readonly name: string }
  | { readonly kind: 'cluster'; readonly nodes: readonly Host[] };

/** Where a server listens. */
export type Address = Host | { readonly path: string };

/** A connection to one server. It never connects again, and what was under way rejects when it ends. */
export interface Connection {
  /** The replies of commands that run with nothing in between. Rejects where the server refuses one of them before it ran any. */
  transact(commands: readonly Command[], asking?: boolean): Promise<readonly Reply[]>;
  /** The replies of commands, each for itself. */
  send(commands: readonly Command[]): Promise<readonly Reply[]>;
  ended(): boolean;
  close(): void;
}

/** A cluster has the slot elsewhere; `ask`: only this time. */
export class Redirection extends StoreError {
  override name = 'Redirection';
  readonly ask: boolean;
  readonly slot: number;
  /** host:port; no host where it is the one that was asked. */
  readonly to: string;

  constructor(message: string, ask: boolean, slot: number, to: string) {
    super(message);
    this.ask = ask;
    this.slot = slot;
    this.to = to;
  }
}

/** What a server replied in the place of answers: LOADING, CLUSTERDOWN, NOPERM and the like. */
export class Refusal extends StoreError {
  override name = 'Refusal';
}

/** A connection that is made when it is first needed, and again after it was dropped. */
export interface Link {
  /** Asks by the connection, and drops it where it fails or takes longer than allowed: no late reply meets a later question. */
  ask<T>(asking: (connection: Connection) => Promise<T>): Promise<T>;
  drop(): void;
  close(): void;
}

const PAUSE_MS = 100; // between two attempts to connect, so that many questions in an outage are not as many attempts

/** `keeps`: whether a failure is none of the connection, which others may be using. */
export function createLink(
  open: () => Promise<Connection>,
  timeoutMs: number,
  keeps: (cause: unknown) => boolean = () => false,
): Link {
  let opening: Promise<Connection> | null = null;
  let connection: Connection | null = null;
  let openedAt = -Infinity;
  let failure: unknown = null;
  let closed = false;

  const connect = (): Promise<Connection> => {
    if (closed) return Promise.reject(new ClosedError());
    if (connection !== null && !connection.ended()) return Promise.resolve(connection);
    if (opening !== null) return opening;
    if (failure !== null && performance.now() - openedAt < PAUSE_MS) return Promise.reject(failure);
    opening = open().then(
      (made) => {
        opening = null;
        openedAt = performance.now();
        if (closed) {
          made.close();
          throw new ClosedError();
        }
        failure = null;
        return (connection = made);
      },
      (cause: unknown) => {
        opening = null;
        openedAt = performance.now();
        throw (failure = cause);
      },
    );
    return opening;
  };
  const forget = (used: Connection, cause: unknown): void => {
    used.close();
    if (connection !== used) return;
    connection = null;
    failure = cause;
  };

  return {
    async ask(asking) {
      const use: { connection: Connection | null; late: boolean } = { connection: null, late: false };
      const asked = async () => {
        use.connection = await connect();
        if (use.late) throw new StoreError('too late to ask');
        return asking(use.connection);
      };
      try {
        return await within(asked(), timeoutMs, 'answer');
      } catch (cause) {
        use.late = true;
        if (use.connection !== null && !keeps(cause)) forget(use.connection, cause);
        throw cause;
      }
    },
    drop() {
      if (connection !== null) forget(connection, null);
    },
    close() {
      closed = true;
      connection?.close();
      connection = null;
    },
  };
}

const GRACE_MS = 50; // a server that is well and near answers in less

/**
 * Asks several servers for what they believe, and takes the newest belief of those that answer soon after the first. Rejects
 * with the failure of one where all fail.
 */
export async function newest<T extends { readonly epoch: number }>(beliefs: readonly Promise<T>[]): Promise<T> {
  const known: T[] = [];
  const all = beliefs.map(async (belief) => {
    known.push(await belief);
  });
  try {
    await Promise.any(all);
  } catch (cause) {
    throw cause instanceof AggregateError ? cause.errors[0] : cause;
  }
  await Promise.race([Promise.allSettled(all), new Promise((resolve) => setTimeout(resolve, GRACE_MS))]);
  return known.reduce((best, each) => (each.epoch > best.epoch ? each : best));
}
