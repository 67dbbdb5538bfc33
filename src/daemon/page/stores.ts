import type { ServerStatus } from '../../store/status.ts';
import type { ObservedStore } from '../metrics/collect.ts';
import { formatAge, formatNumber, mark, moment, more, short } from './format.ts';
import { type Html, html } from './html.ts';
import type { Seen } from './seen.ts';
import { type State, stateBar } from './sparkline.ts';
import { judgeServer, judgeStore } from './store-state.ts';

/** The stores and their servers. Those in trouble come first. */
export function storesOf(seen: Pick<Seen, 'stores' | 'history' | 'newest' | 'now'>, most: number): Html {
  const rank = ([, store]: readonly [string, ObservedStore]): number => RANKS[judgeStore(store.status()).state];
  const stores = [...seen.stores].toSorted((a, b) => rank(a) - rank(b));
  const shown = stores.slice(0, most).map(([name, store]) => storeOf(name, store, seen, most));
  return html`<section id="stores" aria-labelledby="stores-head">
    <h2 id="stores-head">Stores</h2>
    <p class="hint">
      A bar has the last 90 minutes, and ends now: high is well, half is in part, low is failed, flat is not known.
    </p>
    <div class="stores">${shown}</div>
    ${more(stores.length - most)}
  </section>`;
}

const RANKS: Readonly<Record<State, number>> = { failed: 0, partly: 1, unknown: 2, well: 2 };

function storeOf(
  name: string,
  store: ObservedStore,
  { history, newest, now }: Pick<Seen, 'history' | 'newest' | 'now'>,
  most: number,
): Html {
  const status = store.status();
  const { driver, servers, counts } = status;
  const { state, words } = judgeStore(status);
  const states = history.statesOf(name);
  const trouble = servers.length <= 1 ? newest.troubleOf(name, null) : null;
  const failing =
    counts.failing === null
      ? null
      : html`<p>Its newest question failed at ${moment(Date.parse(counts.failing.at), now)}.</p>`;
  const [only] = servers;
  const since = servers.length === 1 && only !== undefined ? sinceOf(only, now) : null;
  const records = [...(store.records() ?? [])].map(([kind, count]) => `${formatNumber(count)} ${kind}`);
  return html`<article class="card ${state}">
    <h3>${short(name, 80)} <small>${driver}</small></h3>
    <p>${mark(state, words)}${since}</p>
    ${state === 'well' || trouble === null ? null : html`<p class="trouble">${short(trouble)}</p>`}${failing}${stateBar(states, `The last 90 minutes of store ${short(name, 80)}`)}
    <p class="small">${wordsOf(states)}</p>
    ${servers.length < 2 ? null : serversOf(name, servers, newest, now, most)}
    <p class="small">
      Asked ${formatNumber(counts.asked)}: ${formatNumber(counts.found)} found, ${formatNumber(counts.absent)} absent,
      ${formatNumber(counts.failed)} failed.${records.length === 0 ? null : html` Records: ${records.join(', ')}.`}
    </p>
  </article> `;
}

function serversOf(
  store: string,
  servers: readonly ServerStatus[],
  newest: Seen['newest'],
  now: number,
  most: number,
): Html {
  const sorted = servers.toSorted((a, b) => RANKS[judgeServer(a).state] - RANKS[judgeServer(b).state]);
  const lines = sorted.slice(0, most).map((server) => {
    const { state, words } = judgeServer(server);
    const trouble = state === 'failed' ? newest.troubleOf(store, server.name) : null;
    return html`<li>
      ${mark(state, `${short(server.name, 80)} ${words}`)}${sinceOf(server, now)}${trouble === null ? null : html`<span class="trouble">${short(trouble)}</span>`}
    </li>`;
  });
  return html`<ul class="servers">
      ${lines}
    </ul>
    ${more(servers.length - most)}`;
}

function sinceOf({ since }: ServerStatus, now: number): Html {
  const at = Date.parse(since);
  return html` <span class="since">since ${moment(at, now)} (${formatAge(now - at)})</span>`;
}

/** What a bar shows, in words. */
function wordsOf(states: readonly State[]): string {
  const count = (wanted: State): number => states.filter((state) => state === wanted).length;
  const known = states.length - count('unknown');
  if (known === 0) return 'nothing is known of the last 90 minutes';
  const bad = [
    ...(count('failed') === 0 ? [] : [`failed in ${count('failed')}`]),
    ...(count('partly') === 0 ? [] : [`in part in ${count('partly')}`]),
  ];
  return `${known} min known: ${bad.length === 0 ? 'well in all' : [`well in ${count('well')}`, ...bad].join(', ')}`;
}
