import type { CachedStore } from '../store/guard/cache.ts';
import type { Reply, Request } from '../vocabulary.ts';

/** A store, as whoever runs the daemon looks at it and deals with it. */
export interface Controllable {
  /** Whatever there is to tell: driver, servers, counters. */
  readonly status: () => object;
  readonly cache: CachedStore | null;
}

/** A daemon that came before this one, and still serves the clients that it has. */
export interface Older {
  readonly pid: number;
  readonly clients: number;
}

/** What a request on the control socket may be answered: a list is cut to fit. */
export const CONTROL_REPLY_BYTES = 100_000; // as much as Postfix takes for a reply, by default (socketmap_table(5))

const ROOM_BYTES = 1_000; // for what stands around a list
const MOST_SHOWN = 1_000; // more do not fit, and each takes its time

const OLDER_MS = 30_000; // an older daemon tells of itself three times as often

type Stores = ReadonlyMap<string, Controllable>;
type Command = (stores: Stores, argument: string, older: Map<number, Older & { readonly at: number }>) => object;

/** A command cannot be done; the message says why, and what can. */
class RefusedError extends Error {
  override name = 'RefusedError';
}

/**
 * Answers the control socket, which speaks the protocol of all others: the name of the map is a command and the key its argument,
 * which may be empty, so that `smmap probe --map cache-forget fred@example.org` does it too. OK with an object in JSON, else
 * TEMP with the reason: never NOTFOUND or PERM, since a mail server that asks here by mistake would refuse all mail.
 */
export function createControl(stores: () => Stores): (request: Request) => Reply {
  const older: Parameters<Command>[2] = new Map();
  return ({ map, key }) => {
    try {
      const command = COMMANDS.get(map);
      if (command === undefined) {
        throw new RefusedError(
          `unknown command; this is the control socket of smmap: ${[...COMMANDS.keys()].join(', ')}`,
        );
      }
      if (key === null) throw new RefusedError('the argument is not UTF-8');
      return { kind: 'OK', value: JSON.stringify(command(stores(), key, older)) };
    } catch (cause) {
      const reason = cause instanceof RefusedError ? cause.message : `the command failed: ${String(cause)}`;
      return { kind: 'TEMP', reason };
    }
  };
}

const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  [
    'stores',
    (stores, _argument, older) => {
      const statusOf = ([name, { status, cache }]: readonly [string, Controllable]): object =>
        Object.assign({ name }, status(), { cache: cache?.stats() ?? null });
      const all = [...stores].map(statusOf);
      const now = performance.now();
      const living = [...older.values()].filter(({ clients, at }) => clients > 0 && now - at < OLDER_MS);
      return { ...cut('stores', all, 0), older: living.map(({ pid, clients }) => ({ pid, clients })) };
    },
  ],
  [
    'cache-show',
    (stores, what) => {
      const shown: object[] = [];
      let leftOut = 0;
      for (const [store, cache] of cachesOf(stores)) {
        const more = cache.show(what === '' ? null : what, MOST_SHOWN - shown.length);
        shown.push(...more.kept.map((kept) => ({ store, ...kept })));
        leftOut += more.leftOut;
      }
      return cut('kept', shown, leftOut);
    },
  ],
  [
    'cache-forget',
    (stores, what) => {
      if (what === '') throw new RefusedError('forget what? Give an address, @domain or the key of a table');
      return { forgotten: cachesOf(stores).reduce((sum, [, cache]) => sum + cache.forget(what), 0) };
    },
  ],
  [
    'cache-clear',
    (stores, name) => {
      const chosen = cachesOf(stores).filter(([store]) => name === '' || store === name);
      if (chosen.length === 0 && name !== '') {
        const reason = stores.has(name) ? `the store ${name} has no cache` : `there is no store ${name}`;
        throw new RefusedError(`${reason}; ${namesOf(stores)}`);
      }
      return {
        stores: chosen.map(([store]) => store),
        forgotten: chosen.reduce((sum, [, each]) => sum + each.forget(null), 0),
      };
    },
  ],
  [
    'older', // {"pid": 1234, "clients": 2}, what a daemon that came before says of itself
    (_stores, argument, older) => {
      const { pid, clients } = JSON.parse(argument) as Record<string, unknown>;
      if (typeof pid !== 'number' || typeof clients !== 'number') throw new RefusedError('give pid and clients');
      for (const [each, { at }] of older) if (performance.now() - at > OLDER_MS) older.delete(each);
      older.set(pid, { pid, clients, at: performance.now() });
      return {};
    },
  ],
]);

/** Those that have a cache; RefusedError where there is none. */
function cachesOf(stores: Stores): (readonly [string, CachedStore])[] {
  const all = [...stores].flatMap(([name, { cache }]) => (cache === null ? [] : [[name, cache] as const]));
  if (all.length === 0) throw new RefusedError('no store has a cache; add cache = {} to a [store.NAME]');
  return all;
}

function namesOf(stores: Stores): string {
  return `these have one: ${cachesOf(stores)
    .map(([name]) => name)
    .join(', ')}`;
}

/** As many as fit into a reply, and the number of the others. */
function cut(name: string, items: readonly object[], leftOut: number): object {
  let left = CONTROL_REPLY_BYTES - ROOM_BYTES;
  const most = items.findIndex((item) => (left -= Buffer.byteLength(JSON.stringify(item)) + 1) < 0);
  const fitting = most === -1 ? items : items.slice(0, most);
  return { [name]: fitting, leftOut: leftOut + items.length - fitting.length };
}
