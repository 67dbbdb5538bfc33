import { quantileMs } from '../../histogram.ts';
import { RESULTS } from '../../observe/counts.ts';
import type { Declined } from '../../observe/newest.ts';
import { formatBound, formatNumber, mark, moment, short, table } from './format.ts';
import { type Html, html } from './html.ts';
import type { Seen } from './seen.ts';

/** The maps, and what was replied for each in the last hour. */
export function mapsOf({ config, counts, history }: Pick<Seen, 'config' | 'counts' | 'history'>, most: number): Html {
  const names = [...config.maps.keys(), ...[...counts.maps.keys()].filter((name) => !config.maps.has(name))];
  const rows = names.slice(0, most).map((name) => {
    const map = config.maps.get(name);
    const { results, took } = history.hourOf(name);
    const replied = RESULTS.map((result) => formatNumber(results[result]));
    const stores = short(map?.stores.join(', ') ?? '-', 80);
    const kind = map === undefined ? '-' : map.shadow === undefined ? map.kind : `${map.kind}, in shadow`;
    return [short(name, 80), kind, stores].concat(replied, formatBound(quantileMs(took, 0.99)));
  });
  const columns = [
    { head: 'Map' },
    { head: 'Kind' },
    { head: 'Stores' },
    ...RESULTS.map((head) => ({ head, isNumber: true })),
    { head: '99 of 100 within', isNumber: true },
  ];
  const more = { none: 'There are no maps.', leftOut: names.length - most };
  return part('maps', 'Maps', table('maps-table', 'Replies of the last hour', columns, rows, more));
}

/** The listeners. */
export function listenersOf({ listeners }: Pick<Seen, 'listeners'>, most: number): Html {
  const rows = listeners
    .slice(0, most)
    .map(({ name, servedBy, hasPath }) => [
      short(name, 80),
      servedBy,
      hasPath ? mark('well', 'listens') : mark('failed', 'its socket file is gone'),
    ]);
  const columns = [{ head: 'Listener' }, { head: 'Serves' }, { head: 'State' }];
  const more = { none: 'There are no listeners.', leftOut: listeners.length - most };
  return part('listeners', 'Listeners', table('listeners-table', 'Where clients connect', columns, rows, more));
}

/** The caches of the stores. */
export function cachesOf({ stores }: Pick<Seen, 'stores'>, most: number): Html {
  const caches = [...stores].flatMap(([name, { cache }]) => (cache === null ? [] : [[name, cache.stats()] as const]));
  const rows = caches.slice(0, most).map(([name, { entries, hits, misses, joined, staleServed, failuresServed }]) => {
    const asked = hits + misses + joined;
    return [short(name, 80), formatNumber(entries), asked === 0 ? '-' : `${Math.round((hits / asked) * 100)} %`].concat(
      [hits, misses, joined, staleServed, failuresServed].map(formatNumber),
    );
  });
  const heads = ['Entries', 'Hit rate', 'Hits', 'Misses', 'Joined', 'Stale', 'Failures'];
  const columns = [{ head: 'Store' }, ...heads.map((head) => ({ head, isNumber: true }))];
  const more = { none: 'No store has a cache.', leftOut: caches.length - most };
  return part('cache', 'Cache', table('cache-table', 'Questions since the start', columns, rows, more));
}

/** The last refusals and deferrals. What names somebody was hidden before, as log.keys says. */
export function declinedOf({ newest, config, now }: Pick<Seen, 'newest' | 'config' | 'now'>, most: number): Html {
  const [refusals, deferrals] = [newest.refusals(), newest.deferrals()];
  const keys = { plain: 'as they are', domain: 'by their domain', hash: 'as hashes' }[config.log.keys];
  const cellsOf = ({ at, key, map, listener, reason }: Declined): (string | Html)[] => [
    moment(at, now),
    html`<bdi class="key">${short(key ?? '-')}</bdi>`,
    short(listener === '' ? map : `${map} at ${listener}`, 80),
    reason.replaceAll('_', ' '),
  ];
  const refused = refusals.slice(0, most).map(cellsOf);
  const deferred = deferrals.slice(0, most).map((each) => cellsOf(each).concat(short(each.cause ?? '-')));
  const columns = [{ head: 'Time' }, { head: 'Key' }, { head: 'Map' }, { head: 'Reason' }];
  const tables = [
    table('deferred-table', 'Last deferrals', [...columns, { head: 'Cause' }], deferred, {
      none: 'No deferral since this page is served.',
    }),
    table('refused-table', 'Last refusals', columns, refused, {
      none: 'No refusal since this page is served.',
    }),
  ];
  return html`<section id="declined" aria-labelledby="declined-head">
    <h2 id="declined-head">Refusals and deferrals</h2>
    <p class="hint">Addresses are shown ${keys} (<code>log.keys</code>). docs/metrics.md explains the reasons.</p>
    ${tables}
  </section>`;
}

/** What happened to the daemon. */
export function changesOf({ newest, now }: Pick<Seen, 'newest' | 'now'>, most: number): Html {
  const changes = newest.changes();
  const rows = changes
    .slice(0, most)
    .map(({ at, text, count }) => [
      moment(at, now),
      count === 1 ? 'once' : `${formatNumber(count)} times`,
      short(text),
    ]);
  const columns = [{ head: 'Time' }, { head: 'How often' }, { head: 'What' }];
  return part(
    'changes',
    'Changes',
    table('changes-table', 'The newest first', columns, rows, { none: 'Nothing has changed.' }),
  );
}

function part(id: string, title: string, content: Html): Html {
  return html`<section id="${id}" aria-labelledby="${id}-head">
    <h2 id="${id}-head">${title}</h2>
    ${content}
  </section>`;
}
