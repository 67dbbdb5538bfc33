import { isIP } from 'node:net';
import type { Config, MetricsConfig } from '../../config/config.ts';
import type { Newest } from '../../observe/newest.ts';
import type { Maybe } from '../../vocabulary.ts';
import type { Explanation } from '../explain.ts';
import type { Served } from '../metrics/collect.ts';
import { assess } from '../metrics/health.ts';
import type { Asked, Page } from '../metrics/server.ts';
import { type History, createHistory } from './history.ts';
import { POLICY, writePage } from './page.ts';
import type { Explaining } from './seen.ts';

/** What the page needs of a daemon. */
export interface Shown {
  readonly observed: () => Maybe<Served>;
  readonly config: () => Pick<Config, 'maps' | 'log' | 'metrics'>;
  readonly newest: Newest;
  /** Answers as the daemon does, and says how. */
  readonly explain: (request: { readonly map: string; readonly key: string }) => Promise<Explanation>;
}

/** The status page of a daemon. */
export interface StatusPage {
  /** Begins or ends to watch the daemon, as its configuration says. It costs nothing while no page is served. */
  follow(): void;
  page(asked: Asked): Promise<Page>;
  close(): void;
}

const SAMPLE_MS = 10_000; // an idle process may sleep as long
const PLAIN = 'text/plain; charset=utf-8';

const HEADERS = {
  'Content-Security-Policy': POLICY,
  'Referrer-Policy': 'no-referrer', // an address may stand in the URL
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
} as const;

/** Makes the page. It watches nothing before `follow`. */
export function createStatusPage({ observed, config, newest, explain }: Shown): StatusPage {
  let watching: { readonly history: History; readonly timer: NodeJS.Timeout } | null = null;
  const records = new Map<string, number>();

  const sample = async (history: History): Promise<Served> => {
    const now = await observed();
    const { counts, stores } = now;
    history.sample(performance.now(), counts, stores);
    for (const [name, store] of stores) {
      for (const [kind, count] of store.records() ?? []) {
        const [id, before] = [`${name} ${kind}`, records.get(`${name} ${kind}`)];
        records.set(id, count);
        if (before === undefined || before === count) continue;
        newest.changed(`records ${id}`, `store ${name} has ${count} records of ${kind}, and had ${before}`);
      }
    }
    return now;
  };
  const end = (): void => {
    clearInterval(watching?.timer);
    watching = null;
    newest.isWatched = false;
  };
  const explained = async (query: URLSearchParams): Promise<Explaining> => {
    const { maps } = config();
    const [first = ''] = maps.keys();
    const [key, map] = [query.get('explain'), query.get('map') ?? first];
    if (key === null) return { key: '', map, explanation: null, mistake: null };
    const mistake = key === '' ? 'Give an address.' : maps.has(map) ? null : `There is no map ${map}.`;
    return { key, map, explanation: mistake === null ? await explain({ key, map }) : null, mistake };
  };
  return {
    follow() {
      if (config().metrics === null) return end();
      if (watching !== null) return;
      const history = createHistory();
      void sample(history);
      watching = { history, timer: setInterval(() => void sample(history), SAMPLE_MS).unref() };
      newest.isWatched = true;
    },
    async page({ host, isCrossSite, query }) {
      const { metrics, ...rest } = config();
      if (metrics === null || watching === null) return refusal(404, 'this daemon has no [metrics] any more');
      if (!isOurs(host, metrics)) {
        return refusal(421, 'smmap is not known by the name in the Host header: add it to hosts in [metrics]');
      }
      const asks = query.has('explain');
      if (asks && !metrics.explain)
        return refusal(404, 'this page explains no addresses: set explain = true in [metrics]');
      if (asks && isCrossSite) return refusal(403, 'another site asked to explain an address: ask on the page itself');
      const explaining = metrics.explain ? await explained(query) : null;
      const { history } = watching;
      const now = await sample(history);
      const health = await assess(now.listeners, now.stores);
      const text = writePage({ newest, ...now, config: rest, health, history, now: Date.now(), explaining });
      return { status: 200, type: 'text/html; charset=utf-8', text, headers: HEADERS };
    },
    close: end,
  };
}

/**
 * Whether a browser means this machine: another site can have its own name lead to our address (DNS rebinding), and would
 * read the page then. It cannot do that with an address, nor with a Unix socket.
 */
export function isOurs(host: string, metrics: MetricsConfig): boolean {
  if (metrics.kind === 'unix') return true;
  const [, name = ''] = /^(\[[^\]]*\]|[^:]*)(?::\d+)?$/.exec(host.toLowerCase()) ?? [];
  return name === 'localhost' || isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0 || metrics.hosts.includes(name);
}

function refusal(status: number, why: string): Page {
  return { status, type: PLAIN, text: `${why}\n` };
}
