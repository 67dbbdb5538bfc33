import { setTimeout as sleep } from 'node:timers/promises';
import type { Template } from '../../template.ts';
import type { Layout } from './layout.ts';
import type { Layouts } from './plan.ts';

/** A running watch, until it is closed. */
export interface Watch {
  close(): Promise<void>;
}

/** A connection that gets events. */
export interface Watched {
  readonly ended: Promise<void>;
  ping(): Promise<unknown>;
  close(): void;
}

const AGAIN_MS = 1_000; // until the next attempt, after a connection failed
const PING_MS = 5_000; // how soon we notice a connection that was lost without an error

/**
 * Watches keys until it is closed. It connects again by itself, and then reports null, because it may have missed
 * changes.
 */
export function createWatch(
  layouts: Layouts,
  database: number,
  subscribe: (patterns: readonly string[], heard: (channel: string) => void) => Promise<Watched>,
  changed: (what: string | null) => void,
  closed: () => void,
): Watch {
  const head = `__keyspace@${database}__:`;
  const watched = Object.values(layouts).map((layout) => ({
    pattern: escapeGlob(head) + patternOf(layout.key),
    read: readerOf(layout),
  }));
  const end = new AbortController();
  const heard = (channel: string): void => {
    const key = channel.slice(head.length);
    for (const what of new Set(watched.flatMap(({ read }) => read(key)))) changed(what);
  };

  const hear = async (): Promise<void> => {
    const connection = await subscribe([...new Set(watched.map(({ pattern }) => pattern))], heard);
    const close = (): void => connection.close();
    if (end.signal.aborted) return close();
    end.signal.addEventListener('abort', close);
    const timer = setInterval(() => void connection.ping().catch(close), PING_MS).unref();
    changed(null);
    await connection.ended;
    clearInterval(timer);
    end.signal.removeEventListener('abort', close);
  };
  const loop = async (): Promise<void> => {
    while (!end.signal.aborted) {
      await hear().catch(() => {});
      await sleep(AGAIN_MS, undefined, { signal: end.signal, ref: false }).catch(() => {});
    }
  };
  const running = loop();
  return {
    async close() {
      end.abort();
      closed();
      await running;
    },
  };
}

/** The glob pattern that matches all names of a template. */
function patternOf({ parts }: Template): string {
  return parts.map(escapeGlob).join('*');
}

function escapeGlob(text: string): string {
  return text.replace(/[*?[\]\\]/g, String.raw`\$&`);
}

/**
 * Reads the name of a changed key: nothing if the layout has no such key, else its address, domain or key, or null for
 * any.
 */
function readerOf({ kind, key }: Layout): (name: string) => readonly (string | null)[] {
  const pattern = new RegExp(
    `^${key.parts.map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)).join('(.*)')}$`,
    's',
  );
  const [only, ...others] = key.parameters;
  const tells = kind === 'key' && others.length === 0 && (only === 'address' || only === 'domain' || only === 'key');
  return (name) => {
    const match = pattern.exec(name);
    return match === null ? [] : [tells ? (match[1] as string) : null];
  };
}
