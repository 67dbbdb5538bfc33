// What a fault can befall: a store with its server, or the daemon itself.

import { writeFile } from 'node:fs/promises';
import type { Relay } from './relay.ts';

/** Begins a fault, and resolves to what ends it. `luck` is from 0 to 1. */
export interface Fault {
  readonly holdMs: readonly [least: number, most: number];
  /** Whether nobody may write to the store meanwhile. */
  readonly alone?: boolean;
  begin(luck: number): Promise<() => Promise<void> | void>;
}

export type Faults = Readonly<Record<string, Fault>>;

export interface Target {
  readonly name: string;
  readonly faults: Faults;
}

/** A store that has mailboxes, and another program that writes them. */
export interface StoreTarget extends Target {
  /** Lines of its section. */
  readonly lines: readonly string[];
  /** Whether smmap also asks it through a cache. */
  readonly cached: boolean;
  /** How old an OK may be without a cache. */
  readonly okMs: number;
  /** How long its writer rests between two changes. */
  readonly restMs: readonly [least: number, most: number];
  /** Makes mailboxes exist and others not, at one moment. Rejects where it may not have happened. */
  put(added: readonly string[], removed: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

/** Each store has its own domain, and in it a mailbox that always exists: its canary. */
export function domainOf(name: string): string {
  return `${name}.example`;
}

export function canaryOf(name: string): string {
  return `canary@${domainOf(name)}`;
}

/** A server that can be killed and stopped, and runs again afterwards with what it had. */
export function processFaults(server: {
  kill(): Promise<void>;
  restart(): Promise<void>;
  hang(): void;
  resume(): void;
}): Faults {
  return {
    kill: {
      holdMs: [0, 3_000],
      async begin() {
        await server.kill();
        return () => server.restart();
      },
    },
    hang: {
      holdMs: [100, 3_000],
      async begin() {
        server.hang();
        return () => server.resume();
      },
    },
  };
}

/** What can happen on the way to a server. */
export function wayFaults(relay: Relay): Faults {
  return {
    cut: {
      holdMs: [0, 1_500],
      async begin() {
        relay.closed = true;
        relay.cut();
        return () => void (relay.closed = false);
      },
    },
    half: {
      holdMs: [500, 500],
      async begin(luck) {
        relay.leftBytes = Math.floor(luck * 500);
        return () => void (relay.leftBytes = Infinity);
      },
    },
    lag: {
      holdMs: [500, 3_000],
      async begin(luck) {
        relay.lagMs = 1 + Math.round(luck * 800);
        return () => void (relay.lagMs = 0);
      },
    },
  };
}

/** The password file of smmap has a wrong password while it must connect anew. */
export function passwordFault(file: string, password: string, relay: Relay): Faults {
  return {
    password: {
      holdMs: [200, 2_000],
      async begin() {
        await writeFile(file, 'wrong');
        relay.cut();
        return () => writeFile(file, password);
      },
    },
  };
}

/** All mailboxes of the store are gone while it lasts, with the canary. */
export function emptyFault(empty: () => Promise<void> | void, refill: () => Promise<void> | void): Faults {
  return {
    empty: {
      holdMs: [200, 2_000],
      alone: true,
      async begin() {
        await empty();
        return refill;
      },
    },
  };
}

/** Another client of a database locks the table for up to three seconds. */
export function lockFault(lock: (seconds: number) => Promise<void>): Faults {
  return {
    lock: {
      holdMs: [3_000, 3_000],
      async begin(luck) {
        const over = lock(luck * 3).catch(() => {}); // the server may be killed meanwhile
        return () => over;
      },
    },
  };
}
