import type { Older } from '../daemon/control.ts';
import type { Loss } from '../store/brake.ts';
import type { CacheStats } from '../store/guard/cache.ts';
import type { Counts } from '../store/guard/meter.ts';
import type { ServerStatus } from '../store/status.ts';
import { withControl } from './ask.ts';
import { formatColumns, formatDuration } from './columns.ts';

/** A store, as its daemon describes it. A daemon of another version may leave something out. */
export interface StoreLine {
  readonly name: string;
  readonly driver?: string;
  readonly servers?: readonly ServerStatus[];
  readonly counts?: Counts;
  readonly cache?: CacheStats | null;
  readonly held?: readonly Loss[];
}

/** What the daemon answers to the command `stores`. */
export interface StoresAnswer {
  readonly stores: readonly StoreLine[];
  readonly leftOut: number;
  readonly older?: readonly Older[];
}

export interface StoresOptions {
  /** The control socket. */
  readonly control: string;
  readonly json: boolean;
}

/** Prints the state and the counters of each store. Resolves to the exit code. Throws CliError. */
export function stores({ control, json }: StoresOptions): Promise<number> {
  return withControl(control, async (ask) => {
    const answer = await ask<StoresAnswer>('stores', '');
    process.stdout.write(
      json
        ? answer.stores.map((store) => `${JSON.stringify(store)}\n`).join('')
        : formatColumns([HEAD, ...answer.stores.map(lineOf)], FIGURES),
    );
    for (const { name, held = [] } of answer.stores) {
      for (const loss of held) process.stderr.write(`smmap: ${name} holds back its new list: ${textOfLoss(loss)}\n`);
      if (held.length > 0) process.stderr.write(`smmap: if they are gone on purpose: smmap stores release ${name}\n`);
    }
    if (answer.leftOut > 0) process.stderr.write(`smmap: ${answer.leftOut} more stores do not fit into a reply\n`);
    for (const { pid, clients } of answer.older ?? []) {
      process.stderr.write(`smmap: process ${pid}, which this daemon replaced, still serves ${clients} connections\n`);
    }
    return 0;
  });
}

const RELEASE_MS = 60_000; // a million records take some seconds

/**
 * Has the daemon take a list that it holds back since many records are gone. Prints which. Resolves to the exit code: 1 if
 * none is held back. Throws CliError.
 */
export function release(name: string, control: string): Promise<number> {
  return withControl(
    control,
    async (ask) => {
      const { lost } = await ask<{ readonly lost: readonly Loss[] }>('release', name);
      for (const loss of lost) process.stdout.write(`${name}: ${textOfLoss(loss)}\n`);
      if (lost.length > 0) process.stdout.write(`${name}: the new list is in use\n`);
      else process.stderr.write(`smmap: the store ${name} holds back no list\n`);
      return lost.length > 0 ? 0 : 1;
    },
    { timeoutMs: RELEASE_MS },
  );
}

/** What a list has lost, as a sentence without its subject. */
export function textOfLoss({ kind, before, after, gone, examples }: Loss): string {
  const names = examples.length < gone ? [...examples, '...'] : examples;
  return `${before} records (${kind}) before, ${after} in the new list; ${gone} are gone: ${names.join(', ')}`;
}

const HEAD = [
  'store',
  'driver',
  'asked',
  'found',
  'absent',
  'failed',
  'mean ms',
  'slowest ms',
  'cached',
  'hits',
  'state',
];
const FIGURES = new Set([2, 3, 4, 5, 6, 7, 8, 9]);

function lineOf(store: StoreLine): string[] {
  const { asked, found, absent, failed, meanMs, slowestMs } = store.counts ?? {};
  const figures = [
    ...[asked, found, absent, failed].map((figure) => fixed(figure, 0)),
    fixed(meanMs, 1),
    fixed(slowestMs, 1),
  ];
  const state = [stateOf(store), ...warmOf(store.cache ?? null)].join('; ');
  return [store.name, store.driver ?? '-', ...figures, ...cachedOf(store.cache ?? null), state];
}

/** How many answers a cache keeps, and how much of the questions it answered. */
export function cachedOf(cache: CacheStats | null): [entries: string, rate: string] {
  if (cache === null) return ['-', '-'];
  const { entries, hits, misses } = cache;
  return [fixed(entries, 0), hits + misses === 0 ? '-' : `${Math.floor((hits / (hits + misses)) * 100)} %`];
}

/** What the lists of a warm cache hold, if the store has one. */
function warmOf(cache: Partial<CacheStats> | null): readonly string[] {
  const warm = cache?.warm ?? null;
  if (warm === null) return [];
  const { entries, isLonger, ageMs, failure } = warm;
  const age = ageMs === null ? 'no list yet' : `${entries} listed ${formatDuration(ageMs)} ago`;
  return [age, ...(isLonger ? ['the list is longer'] : []), ...(failure === null ? [] : [`cannot list: ${failure}`])];
}

/** Whether the store answers. If not: why, since when, and when it last answered. */
function stateOf({ servers = [], counts }: StoreLine): string {
  const troubled = servers.flatMap(({ name, trouble, since }) =>
    trouble === null ? [] : [`${name}: ${trouble} (since ${since})`],
  );
  const failing = counts?.failing ?? null;
  if (troubled.length === 0 && failing !== null) troubled.push(`fails: ${failing.cause} (at ${failing.at})`);
  if (troubled.length === 0) return 'answers';
  return `${troubled.join('; ')}; last answer: ${counts?.answeredAt ?? 'never'}`;
}

function fixed(figure: number | undefined, digits: number): string {
  return figure === undefined ? '-' : figure.toFixed(digits);
}
