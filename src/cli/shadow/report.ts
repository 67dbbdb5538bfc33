import { unlinkSync } from 'node:fs';
import { mapsInShadow } from '../../daemon/shadows.ts';
import { messageOf } from '../../message.ts';
import { HASH } from '../../observe/cipher.ts';
import { MOST_RECORDS, readLedger } from '../../observe/shadow/file.ts';
import type { Ledger } from '../../observe/shadow/ledger.ts';
import { HOUR_MS, type ShadowHour, type ShadowRecord } from '../../observe/shadow/record.ts';
import { formatColumns } from '../columns.ts';
import type { Configuration } from '../configuration.ts';
import { CliError, EXIT } from '../error.ts';
import { warn } from '../warn.ts';
import { GROUPS, type Group, type Judged, judge } from './judge.ts';

export interface ReportOptions {
  readonly file: string;
  /** Null: everything that is kept. */
  readonly sinceMs: number | null;
  /** Null: all maps. */
  readonly map: string | null;
  /** How many addresses are printed. */
  readonly limit: number;
  readonly json: boolean;
}

const DIFFERENT = 1;

type Item = ShadowRecord & Judged;

/** What was kept of one map. */
interface Summary {
  readonly map: string;
  /** The begin of the first hour in which it was in shadow. */
  readonly inShadowSince: string;
  readonly asked: number;
  /** How many records had no room, or could not be written. */
  readonly unkept: number;
  readonly addresses: Readonly<Record<Group, number>>;
  readonly questions: Readonly<Record<Group, number>>;
}

/** Prints what maps in shadow would have refused and deferred. Resolves to the exit code. Throws CliError. */
export async function reportShadow(options: ReportOptions, configuration: Configuration): Promise<number> {
  const { file, sinceMs, map, limit, json } = options;
  const ledger = await ledgerOf(file, configuration);
  const from = sinceMs === null ? 0 : Date.now() - sinceMs;
  const isWanted = (name: string): boolean => map === null || name === map;
  const hours = [...ledger.hours].filter((each) => isWanted(each.map));
  const items = [...ledger.records]
    .filter((each) => isWanted(each.map) && each.last >= from)
    .map((each): Item => Object.assign({}, each, judge(each)))
    .toSorted(byUrgency);
  const summaries = summariesOf(hours, items, from);
  if (summaries.every(({ asked }) => asked === 0) && items.length === 0) {
    throw new CliError(EXIT.DATA, nothingAsked(hours, map, file));
  }
  const exitCode = items.length === 0 ? 0 : DIFFERENT;
  process.stdout.write(json ? asJson(items, summaries, limit, exitCode) : asText(items, summaries, limit));
  tellLimits(items, ledger);
  return exitCode;
}

/** Removes what was kept. */
export function clearShadow(file: string): number {
  try {
    unlinkSync(file);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw unusable(file, 'removed', error);
  }
  process.stdout.write(`${file}: removed; the daemon begins a new one\n`);
  return 0;
}

async function ledgerOf(file: string, configuration: Configuration): Promise<Ledger> {
  try {
    return await readLedger(file);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw unusable(file, 'read', error);
    const maps = mapsInShadow(await configuration.load());
    const reason =
      maps.length === 0
        ? `no map of ${configuration.name} is in shadow; add shadow = "accept" to a [map.NAME] and reload`
        : `there are no records yet of ${maps.join(', ')}; does the daemon run with this configuration?`;
    throw new CliError(EXIT.DATA, `${file}: ${reason}`);
  }
}

function unusable(file: string, what: string, error: unknown): CliError {
  const reason = `cannot be ${what} (${messageOf(error)}); run this as root or as the user of the daemon`;
  return new CliError(EXIT.IO, `${file}: ${reason}`);
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : null;
}

function nothingAsked(hours: readonly ShadowHour[], map: string | null, file: string): string {
  const begin = Math.min(...hours.map(({ hour }) => hour));
  if (hours.length === 0) return `${file}: ${map === null ? 'has no records' : `has no records of a map ${map}`}`;
  return `${file}: in shadow since ${timeOf(begin)}, but nothing was asked in this time`;
}

function byUrgency(one: Item, other: Item): number {
  const rank = ({ group }: Item): number => GROUPS.indexOf(group);
  return rank(one) - rank(other) || other.count - one.count || other.last - one.last;
}

function summariesOf(hours: readonly ShadowHour[], items: readonly Item[], from: number): readonly Summary[] {
  const maps = new Set([...hours, ...items].map(({ map }) => map));
  return Array.from(maps, (map) => {
    const own = hours.filter((each) => each.map === map);
    const counted = own.filter(({ hour }) => hour + HOUR_MS > from);
    const begin = Math.min(
      ...own.map(({ hour }) => hour),
      ...items.filter((each) => each.map === map).map(({ first }) => first),
    );
    const sums = (weight: (item: Item) => number): Record<Group, number> =>
      Object.fromEntries(
        GROUPS.map((group) => [
          group,
          items.reduce((sum, item) => sum + (item.map === map && item.group === group ? weight(item) : 0), 0),
        ]),
      ) as Record<Group, number>;
    return {
      map,
      inShadowSince: timeOf(begin),
      asked: counted.reduce((sum, { asked }) => sum + asked, 0),
      unkept: counted.reduce((sum, { unkept }) => sum + unkept, 0),
      addresses: sums(() => 1),
      questions: sums(({ count }) => count),
    };
  });
}

const WORDS: Readonly<Record<Group, string>> = {
  look: 'look at these first',
  differs: 'differ otherwise',
  unclear: 'would be refused, unclear',
  probe: 'would be refused, look like probes',
  deferred: 'would be deferred, for a while',
};

function asText(items: readonly Item[], summaries: readonly Summary[], limit: number): string {
  const heads = summaries.flatMap(({ map, inShadowSince, asked, unkept, addresses, questions }) => {
    const groups = GROUPS.filter((group) => addresses[group] > 0);
    const differing = groups.map((group) => [`  ${WORDS[group]}`, String(addresses[group]), String(questions[group])]);
    const lost = unkept === 0 ? '' : `, ${unkept} more had no room`;
    return [
      `map ${map}: asked ${asked} times, in shadow since ${inShadowSince}${lost}\n`,
      differing.length === 0
        ? '  nothing would be refused or deferred\n'
        : formatColumns([['', 'addresses', 'questions'], ...differing], new Set([1, 2])),
    ];
  });
  if (items.length === 0) return heads.join('');
  const lines = items
    .slice(0, limit)
    .map((item) => [
      item.group,
      item.key ?? '(not UTF-8)',
      item.would,
      item.reply,
      String(item.count),
      timeOf(item.first),
      timeOf(item.last),
      item.why,
    ]);
  const head = ['GROUP', 'KEY', 'WOULD', 'REPLY', 'COUNT', 'FIRST', 'LAST', 'WHY'];
  const more = items.length > limit ? `${items.length - limit} more: --limit ${items.length}\n` : '';
  return `${heads.join('')}\n${formatColumns([head, ...lines], new Set([4]))}${more}`;
}

function asJson(items: readonly Item[], summaries: readonly Summary[], limit: number, exitCode: number): string {
  const lines = items.slice(0, limit).map(({ group, why, map, key, would, reason, reply, count, first, last }) => {
    const times = { first: new Date(first).toISOString(), last: new Date(last).toISOString() };
    return JSON.stringify({ group, why, map, key, would, reason, reply, count, ...times });
  });
  const leftOut = Math.max(0, items.length - limit);
  return `${[...lines, JSON.stringify({ summary: true, maps: summaries, leftOut, exitCode })].join('\n')}\n`;
}

/** Says what the reader may miss. */
function tellLimits(items: readonly Item[], ledger: Ledger): void {
  const keys = items.flatMap(({ key }) => (key === null ? [] : [key]));
  if (keys.some((key) => key.search(HASH) === 0)) {
    warn('addresses are hashed, as log.keys says; show them with: smmap shadow report | smmap log reveal');
  } else if (keys.some((key) => key.startsWith('*'))) {
    warn('addresses are hidden, as log.keys says, so all of a domain count as one');
  }
  if (ledger.unkept > 0 || [...ledger.records].length === MOST_RECORDS) {
    warn(`only the newest ${MOST_RECORDS} records are kept`);
  }
}

function timeOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16)}Z`;
}
