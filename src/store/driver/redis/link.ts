import { ClosedError, StoreError } from '../../store.ts';
import { within } from '../../within.ts';
import type { Command, Reply } from './plan.ts';

/** Where a server listens on TCP. */
export interface Host {
  readonly host: string;
  readonly port: number;
}

/** How to find the server or servers: by a URL, through Sentinels, or as nodes of a cluster. */
export type RedisServers =
  /** redis://host:port, rediss://host:port or unix:///path */
  | { readonly kind: 'single'; readonly url: string }
  | { readonly kind: 'sentinel'; readonly sentinels: readonly Host[]; readonly name: string }
  | { readonly kind: 'cluster'; readonly nodes: readonly Host[] };

/** Where a server listens: on TCP, or on a Unix socket. */
export type Address = Host | { readonly path: string };

/** The replies to a transaction, and what is known of the server that gave them. */
export interface Transacted {
  readonly replies: readonly Reply[];
  /** By which policy it removes keys of any kind while its memory is full. Null: it does not, or does not tell. */
  readonly evicts: string | null;
}

/** A connection to one server. When it ends, its commands reject, and it never connects again. */
export interface Connection {
  /**
   * The replies of commands that run as one transaction. Rejects if the server refuses a command before it runs any.
   */
  transact(commands: readonly Command[], asking?: boolean): Promise<Transacted>;
  /** The replies of commands without a transaction. */
  send(commands: readonly Command[]): Promise<readonly Reply[]>;
  ended(): boolean;
  close(): void;
}

/** Another node of the cluster has the slot. `ask`: for this command only. */
export class Redirection extends StoreError {
  override name = 'Redirection';
  readonly ask: boolean;
  readonly slot: number;
  /** host:port. Without a host it is the host that was asked. */
  readonly to: string;

  constructor(message: string, ask: boolean, slot: number, to: string) {
    super(message);
    this.ask = ask;
    this.slot = slot;
    this.to = to;
  }
}

/** An error that a server replied: LOADING, CLUSTERDOWN, NOPERM and so on. */
export class Refusal extends StoreError {
  override name = 'Refusal';
}

/** A server with at most one connection. It connects when it must ask, also again after the connection was dropped. */
export interface Link {
  /** Asks on the connection. Drops it after a failure or a timeout: a late reply must not answer a later question. */
  ask<T>(asking: (connection: Connection) => Promise<T>): Promise<T>;
  drop(): void;
  close(): void;
}

const PAUSE_MS = 100; // between two attempts to connect: in an outage, not every question may try it

/** Makes a link. `keeps` tells whether the connection stays after a failure, because other questions may use it. */
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
        if (use.late) throw new StoreError('the time was over before the server was asked');
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

const GRACE_MS = 50; // a healthy server nearby answers sooner

/**
 * The newest of several beliefs, by their epochs. It waits for the first one, and a short time for the others. Rejects
 * with one of the failures if all fail.
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
