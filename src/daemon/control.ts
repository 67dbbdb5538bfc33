import { andThen } from '../maybe.ts';
import type { Brake } from '../store/brake.ts';
import type { CachedStore } from '../store/guard/cache.ts';
import { StoreError } from '../store/store.ts';
import type { Maybe, Reply, Request } from '../vocabulary.ts';

/** What the control socket can show and change of a store. */
export interface Controllable {
  /** Its driver, servers and counters. */
  readonly status: () => object;
  readonly cache: CachedStore | null;
  readonly brake: Brake | null;
}

/** A daemon that this one replaced, and that still serves its clients. */
export interface Older {
  readonly pid: number;
  readonly clients: number;
}

/** The longest reply on the control socket. A list is cut to fit. */
export const CONTROL_REPLY_BYTES = 100_000; // as long as Postfix accepts by default (socketmap_table(5))

/** A reload takes at most this time, or the reply says that it has not ended. */
export const RELOAD_MS = 60_000;

const ROOM_BYTES = 2_000; // for the text around a list
const MOST_SHOWN = 1_000; // more would not fit, and each one costs time

const OLDER_MS = 30_000; // an older daemon reports three times as often
const MOST_OLDER = 30; // so that all have room in a reply

type Stores = ReadonlyMap<string, Controllable>;
/** The older daemons by their process ids, and who is told of a new one. */
interface Olders {
  readonly reports: Map<number, Older & { readonly at: number }>;
  readonly tookOver: (pid: number) => void;
}

/** Commands by their names. Each gets its argument, and answers plain data. */
export type Commands = Readonly<Record<string, (argument: string) => Maybe<object>>>;

/** A store as the command `stores` shows it. */
export interface ShownStore {
  readonly status: () => object;
  readonly cache: Pick<CachedStore, 'stats'> | null;
  readonly brake: Pick<Brake, 'held'> | null;
}

/** A command that cannot be done. The message says why, and what to do instead. */
export class RefusedError extends Error {
  override name = 'RefusedError';
}

/**
 * Answers the control socket. It has the same protocol as the other listeners: the name of the map is a command, and the key
 * is its argument, which may be empty. `tookOver` is told of each daemon whose place this one took. So `smmap probe --map cache-forget fred@example.org` works too. The reply is OK with a
 * JSON object, or TEMP with the reason. It is never NOTFOUND or PERM: a mail server that asks here by mistake would refuse
 * all mail.
 */
export function createControl(
  shown: () => Maybe<ReadonlyMap<string, ShownStore>>,
  more: Commands,
  tookOver: (pid: number) => void = () => {},
): (request: Request) => Maybe<Reply> {
  const older: Olders = { reports: new Map(), tookOver };
  const commands = new Map(
    Object.entries<Commands[string]>({
      stores: () => andThen(shown(), (stores) => describe(stores, older)),
      ...more,
      older: (argument) => noteOlder(argument, older),
    }),
  );
  const done = (result: object): Reply => ({ kind: 'OK', value: JSON.stringify(result) });
  const failed = (cause: unknown): Reply => {
    const reason = cause instanceof RefusedError ? cause.message : `the command failed: ${String(cause)}`;
    return { kind: 'TEMP', reason };
  };
  return ({ map, key }) => {
    try {
      const command = commands.get(map);
      if (command === undefined) {
        throw new RefusedError(
          `unknown command; this is the control socket of smmap: ${[...commands.keys()].join(', ')}`,
        );
      }
      if (key === null) throw new RefusedError('the argument is not UTF-8');
      const result = command(key);
      return result instanceof Promise ? result.then(done, failed) : done(result);
    } catch (cause) {
      return failed(cause);
    }
  };
}

/** All stores with their numbers, and the older daemons that still serve clients. */
function describe(stores: ReadonlyMap<string, ShownStore>, { reports }: Olders): object {
  const statusOf = ([name, { status, cache, brake }]: readonly [string, ShownStore]): object =>
    Object.assign({ name }, status(), { cache: cache?.stats() ?? null, held: brake?.held() ?? [] });
  const now = performance.now();
  const living = [...reports.values()].filter(({ clients, at }) => clients > 0 && now - at < OLDER_MS);
  const all = [...stores].map(statusOf);
  return { ...cut('stores', all, 0), older: living.map(({ pid, clients }) => ({ pid, clients })) };
}

/** {"pid": 1234, "clients": 2}: the report of a daemon that was replaced. */
function noteOlder(argument: string, { reports, tookOver }: Olders): object {
  const { pid, clients } = JSON.parse(argument) as Record<string, unknown>;
  if (typeof pid !== 'number' || typeof clients !== 'number') throw new RefusedError('give pid and clients');
  for (const [each, { at }] of reports) if (performance.now() - at > OLDER_MS) reports.delete(each);
  if (!reports.delete(pid)) tookOver(pid);
  reports.set(pid, { pid, clients, at: performance.now() });
  const [oldest] = reports.keys();
  if (reports.size > MOST_OLDER && oldest !== undefined) reports.delete(oldest);
  return {};
}

/** The commands about the stores of this process. */
export function commandsOf(stores: () => Stores): Commands {
  return {
    'cache-show'(what) {
      const shown: object[] = [];
      let leftOut = 0;
      for (const [store, cache] of cachesOf(stores())) {
        const more = cache.show(what === '' ? null : what, MOST_SHOWN - shown.length);
        shown.push(...more.kept.map((kept) => ({ store, ...kept })));
        leftOut += more.leftOut;
      }
      return cut('kept', shown, leftOut);
    },
    'cache-forget'(what) {
      if (what === '') throw new RefusedError('give an address, @domain or the key of a table to forget');
      return { forgotten: cachesOf(stores()).reduce((sum, [, cache]) => sum + cache.forget(what), 0) };
    },
    'cache-clear'(name) {
      const all = stores();
      const chosen = cachesOf(all).filter(([store]) => name === '' || store === name);
      if (chosen.length === 0 && name !== '') {
        const reason = all.has(name) ? `the store ${name} has no cache` : `there is no store ${name}`;
        throw new RefusedError(`${reason}; ${namesOf(all)}`);
      }
      return {
        stores: chosen.map(([store]) => store),
        forgotten: chosen.reduce((sum, [, each]) => sum + each.forget(null), 0),
      };
    },
    async release(name) {
      const store = stores().get(name);
      if (store === undefined)
        throw new RefusedError(`there is no store ${name}; the stores: ${listOf(stores().keys())}`);
      const { brake } = store;
      if (brake === null) throw new RefusedError(`the store ${name} has no list: only file and cyrus stores have one`);
      try {
        return { lost: await brake.release() };
      } catch (cause) {
        if (!(cause instanceof StoreError)) throw cause;
        throw new RefusedError(`the list of ${name} cannot be taken: ${cause.message}`);
      }
    },
  };
}

/** The stores that have a cache. Throws RefusedError if none has one. */
function cachesOf(stores: Stores): (readonly [string, CachedStore])[] {
  const all = [...stores].flatMap(([name, { cache }]) => (cache === null ? [] : [[name, cache] as const]));
  if (all.length === 0) throw new RefusedError('no store has a cache; add cache = {} to a [store.NAME]');
  return all;
}

function namesOf(stores: Stores): string {
  return `stores with a cache: ${listOf(cachesOf(stores).map(([name]) => name))}`;
}

function listOf(names: Iterable<string>): string {
  return [...names].join(', ');
}

/** As many items as fit into a reply, and the number of the others. */
export function cut<Name extends string, Item extends object>(
  name: Name,
  items: readonly Item[],
  leftOut: number,
): Readonly<Record<Name, readonly Item[]>> & { readonly leftOut: number } {
  let left = CONTROL_REPLY_BYTES - ROOM_BYTES;
  const most = items.findIndex((item) => (left -= Buffer.byteLength(JSON.stringify(item)) + 1) < 0);
  const fitting = most === -1 ? items : items.slice(0, most);
  const named = { [name]: fitting } as Record<Name, readonly Item[]>;
  return { ...named, leftOut: leftOut + items.length - fitting.length };
}
