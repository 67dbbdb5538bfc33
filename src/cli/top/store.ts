import type { CacheStats } from '../../store/guard/cache.ts';
import type { ServerStatus } from '../../store/status.ts';
import type { StoreLine } from '../stores.ts';
import type { Rate } from './view.ts';

/** The state of a server or of a store, in words. */
export type State =
  | 'answers'
  | 'not asked yet'
  | 'unavailable'
  | 'canary fails'
  | 'fails'
  | `${number} of ${number} answer`;

export interface ServerView {
  readonly name: string;
  readonly state: State;
  /** Since when, as date and time in ISO 8601, and how long that is. */
  readonly since: string;
  readonly forMs: number;
  /** The newest cause, if it does not answer or is not trusted. */
  readonly trouble: string | null;
}

export interface StoreView {
  readonly name: string;
  readonly driver: string;
  readonly state: State;
  readonly isTroubled: boolean;
  readonly askedPerSecond: number | null;
  readonly failedPerSecond: number | null;
  /** Why its newest question failed, and how long ago. Null: it did not fail. */
  readonly failing: { readonly cause: string; readonly agoMs: number } | null;
  readonly cache: CacheStats | null;
  /** Those in trouble first. */
  readonly servers: readonly ServerView[];
}

const FINE: ReadonlySet<State> = new Set(['answers', 'not asked yet']);

/** A store as `smmap top` shows it. `old` is what the daemon told of it before. */
export function viewOfStore(store: StoreLine, old: StoreLine | undefined, rate: Rate, now: number): StoreView {
  const { asked = 0, failed = 0, failing = null } = store.counts ?? {};
  const servers = (store.servers ?? []).map((server) => viewOfServer(server, now));
  const state = stateOf(store, servers);
  return {
    name: store.name,
    driver: store.driver ?? '-',
    state,
    isTroubled: !FINE.has(state),
    askedPerSecond: rate(asked, old?.counts?.asked ?? 0),
    failedPerSecond: rate(failed, old?.counts?.failed ?? 0),
    failing: failing === null ? null : { cause: failing.cause, agoMs: now - Date.parse(failing.at) },
    cache: store.cache ?? null,
    servers: servers.toSorted((a, b) => Number(b.trouble !== null) - Number(a.trouble !== null)),
  };
}

function viewOfServer({ name, trouble, since, isUp, isTrusted, outages }: ServerStatus, now: number): ServerView {
  const lost: State = outages === 0 ? 'not asked yet' : 'unavailable';
  const state: State = !isUp ? lost : isTrusted ? 'answers' : 'canary fails';
  const isFine = FINE.has(state);
  return { name, state, since, forMs: now - Date.parse(since), trouble: isFine ? null : trouble };
}

/** A store answers if its servers do, and its newest question did not fail. */
function stateOf({ counts }: StoreLine, servers: readonly ServerView[]): State {
  const answering = servers.filter(({ state }) => state === 'answers');
  const [first] = servers;
  if (first !== undefined && answering.length === 0) return first.state;
  if (answering.length < servers.length) return `${answering.length} of ${servers.length} answer`;
  if ((counts?.failing ?? null) !== null) return 'fails';
  return servers.length === 0 && (counts?.answeredAt ?? null) === null ? 'not asked yet' : 'answers';
}
