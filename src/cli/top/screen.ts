import { RESULTS } from '../../observe/counts.ts';
import { formatColumns, formatDuration, printable } from '../columns.ts';
import { cachedOf } from '../stores.ts';
import type { StoreView } from './store.ts';
import { type Latency, type MapView, type ReasonView, sumOf, type View } from './view.ts';

/** A line of the screen. A `bad` line needs attention; its words say why. */
export interface Line {
  readonly text: string;
  readonly tone: 'plain' | 'head' | 'bad';
}

/** The size of a screen; Infinity: no limit. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** Lays out what `smmap top` shows. If not all of it fits, each list gets its part, and says how many lines it lacks. */
export function screenOf(view: View, { columns, rows }: Size, footer: string | null): readonly Line[] {
  const tables = [mapsOf(view.maps, columns), reasonsOf(view.reasons, columns), storesOf(view.stores, columns)];
  const top = topOf(view);
  const bottom = footer === null ? [] : [plain(''), plain(footer)];
  const room = rows - top.length - bottom.length - 2 * tables.length; // each table has an empty line and a head
  const shares = sharesOf(
    tables.map(({ lines }) => lines.length),
    room,
  );
  const middle = tables.flatMap(({ head, lines }, at) => [plain(''), head].concat(first(lines, shares[at] ?? 0)));
  return [...top, ...middle, ...bottom].slice(0, rows).map(({ text, tone }) => ({ text: clip(text, columns), tone }));
}

interface Table {
  readonly head: Line;
  readonly lines: readonly Line[];
}

function plain(text: string): Line {
  return { text, tone: 'plain' };
}

function topOf(view: View): readonly Line[] {
  const { unhealthy, unready, latencyOfMs, loopDelay, leftOut } = view;
  const words = `${unhealthy.length === 0 ? 'healthy' : 'not healthy'}, ${unready.length === 0 ? 'ready' : 'not ready'}`;
  const flaws = [...unhealthy, ...unready];
  const [flaw] = flaws;
  const more = flaws.length > 1 ? `(1 of ${flaws.length}; smmap health prints all) ` : '';
  const replaced = view.connectionsAtReplaced;
  const connections = [
    `${view.connections} now`,
    `${view.connectionsTurnedAway} turned away`,
    `${view.connectionsEnded} ended by smmap`,
    ...(replaced === 0 ? [] : [`${replaced} at replaced daemons`]),
  ];
  const time = latencyOfMs === null ? 'since start' : `of the last ${formatDuration(latencyOfMs)}`;
  return [
    {
      text: `smmap ${view.version}, up ${formatDuration(view.upMs)}: ${words}`,
      tone: flaws.length === 0 ? 'plain' : 'bad',
    },
    ...(flaw === undefined ? [] : [{ text: `${more}${printable(flaw, 500)}`, tone: 'bad' } as const]),
    plain(`connections  ${connections.join(', ')}`),
    plain(
      `event loop   late by p50 ${boundOf(loopDelay.p50Ms)} ms, p99 ${boundOf(loopDelay.p99Ms)} ms; ${view.stalls} stalls`,
    ),
    plain(`p50 and p99  ${time}`),
    ...harvestOf(view.harvest),
    ...(leftOut === 0 ? [] : [plain(`${leftOut} maps or stores do not fit into a reply of the daemon`)]),
  ];
}

/** Somebody seems to guess addresses: the worst alarm. */
function harvestOf({ alarms, worst }: View['harvest']): readonly Line[] {
  if (worst === null) return [];
  const { domain, listener, misses, names, forMs } = worst;
  const more = alarms > 1 ? `; ${alarms - 1} more` : '';
  const figures = `${misses} misses, ~${names} names in ${formatDuration(forMs)}${more}`;
  const text = `harvest      ${figures}: ${domain ?? 'many domains'} at ${listener}`;
  return [{ text: printable(text, 500), tone: 'bad' }];
}

const MAPS = ['answers per second', ...RESULTS, 'p50 ms', 'p99 ms', 'since start'];

function mapsOf(maps: readonly MapView[], columns: number): Table {
  const rows = maps.map(({ name, perSecond, sinceStart, latency }) => [
    name,
    ...RESULTS.map((result) => rateOf(perSecond?.[result] ?? null)),
    ...quantilesOf(latency),
    countOf(sumOf(sinceStart)),
  ]);
  return table(
    [MAPS, ...rows],
    columns,
    new Set([1, 2, 3, 4, 5, 6, 7]),
    maps.map(() => false),
    'nothing was answered since start',
  );
}

const WHY = ['refused or deferred', 'reply', 'reason', 'per second', 'since start'];

function reasonsOf(reasons: readonly ReasonView[], columns: number): Table {
  const rows = reasons.map(({ map, reply, reason, perSecond, sinceStart }) => [
    map,
    reply,
    reason,
    rateOf(perSecond),
    countOf(sinceStart),
  ]);
  const areBad = reasons.map(({ reply, perSecond }) => reply === 'deferred' && (perSecond ?? 0) > 0);
  return table([WHY, ...rows], columns, new Set([3, 4]), areBad, 'nothing was refused or deferred since start');
}

const STORES = ['store', 'driver', 'asked/s', 'failed/s', 'cached', 'hits', 'state'];

/** A line for each store, and below it one for each of its servers, unless its only server has no trouble. */
function storesOf(stores: readonly StoreView[], columns: number): Table {
  const rows = stores.map(({ name, driver, askedPerSecond, failedPerSecond, cache, state }) => [
    name,
    driver,
    rateOf(askedPerSecond),
    rateOf(failedPerSecond),
    ...cachedOf(cache),
    state,
  ]);
  const { head, lines } = table(
    [STORES, ...rows],
    columns,
    new Set([2, 3, 4, 5]),
    stores.map(({ isTroubled }) => isTroubled),
    'there is no store',
  );
  return { head, lines: lines.flatMap((line, at) => [line].concat(stores[at] === undefined ? [] : below(stores[at]))) };
}

function below({ servers, failing, state }: StoreView): readonly Line[] {
  const lines = servers.map(({ name, state: word, forMs, trouble }): Line => {
    const why = trouble === null ? '' : `: ${trouble}`;
    const text = printable(`  ${name} ${word} for ${formatDuration(forMs)}${why}`, 500);
    return { text, tone: trouble === null ? 'plain' : 'bad' };
  });
  if (state === 'fails' && failing !== null) {
    const text = printable(`  failed ${formatDuration(failing.agoMs)} ago: ${failing.cause}`, 500);
    return [{ text, tone: 'bad' }];
  }
  return servers.length === 1 && servers[0]?.trouble === null ? [] : lines;
}

/** The first row is the head. Of a line that is too long, the first cell is cut. */
function table(
  rows: readonly (readonly string[])[],
  columns: number,
  right: ReadonlySet<number>,
  areBad: readonly boolean[],
  empty: string,
): Table {
  const [head = '', ...texts] = formatColumns(
    rows.map(([name = '', ...cells]) => [clip(name, columns - widthOf(rows)), ...cells]),
    right,
  )
    .trimEnd()
    .split('\n');
  const lines = texts.map((text, at): Line => ({ text, tone: areBad[at] === true ? 'bad' : 'plain' }));
  return { head: { text: head, tone: 'head' }, lines: lines.length === 0 ? [plain(empty)] : lines };
}

/** The width of all columns but the first. */
function widthOf([head = [], ...rows]: readonly (readonly string[])[]): number {
  const widths = head.map((cell, at) => Math.max(cell.length, ...rows.map((row) => (row[at] ?? '').length)));
  return widths.slice(1).reduce((sum, width) => sum + width + 2, 0);
}

/** How many lines each list gets: one after the other, until all have enough or there is no more room. */
function sharesOf(needs: readonly number[], room: number): readonly number[] {
  const shares = needs.map(() => 0);
  let left = Math.min(
    room,
    needs.reduce((sum, need) => sum + need, 0),
  );
  while (left > 0) {
    for (const [at, need] of needs.entries()) {
      if (left <= 0 || (shares[at] ?? 0) >= need) continue;
      shares[at] = (shares[at] ?? 0) + 1;
      left--;
    }
  }
  return shares;
}

function first(lines: readonly Line[], share: number): readonly Line[] {
  if (lines.length <= share || share === 0) return lines.slice(0, share);
  const hidden = lines.slice(share - 1);
  const tone = hidden.some((line) => line.tone === 'bad') ? 'bad' : 'plain';
  return [...lines.slice(0, share - 1), { text: `${hidden.length} lines more: smmap top --once`, tone }];
}

function quantilesOf({ p50Ms, p99Ms }: Latency): readonly string[] {
  return [boundOf(p50Ms), boundOf(p99Ms)];
}

function boundOf(ms: number | null): string {
  if (ms === null) return '-';
  return ms === Infinity ? '>5000' : `<=${ms}`;
}

function rateOf(perSecond: number | null): string {
  if (perSecond === null) return '-';
  return perSecond === 0 ? '0' : perSecond.toFixed(perSecond < 99.95 ? 1 : 0);
}

function countOf(count: number): string {
  return count < 1e7 ? String(count) : `${(count / 1e6).toFixed(1)}M`;
}

function clip(text: string, most: number): string {
  if (text.length <= most) return text;
  return most > 3 ? `${text.slice(0, most - 3)}...` : text.slice(0, Math.max(0, most));
}
