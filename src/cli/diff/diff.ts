import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Config, MapConfig } from '../../config/config.ts';
import { printable } from '../columns.ts';
import { CliError, EXIT } from '../error.ts';
import { createProgress } from '../records/progress.ts';
import { warn } from '../warn.ts';
import { askedFor, type Keys, keysOfList, keysOfStore } from './keys.ts';
import { openPostmapSide } from './postmap.ts';
import { openStoreSide, type Outcome, type Side } from './side.ts';
import { compare, comparisonOf, type Verdict, wordsOf } from './verdict.ts';

export interface DiffOptions {
  /** One or two stores of the configuration. */
  readonly stores: readonly string[];
  /** `postmap:TYPE:FILE`, the second side if there is one store. */
  readonly other: string | null;
  readonly map: string;
  /** The file with the keys. Null: all records of the first store. */
  readonly list: string | null;
  readonly json: boolean;
}

const CHUNK_KEYS = 1_000; // so many are in memory
const MOST_FAILURES = 1_000; // in a row; what comes then would fail, too
const QUIET_MS = 30_000; // between two lines of progress, if standard error is no terminal
const SHOWN_CHARS = 1_000;

/** Counts of what was compared. */
type Tally = Record<Verdict | 'asked' | 'neither', number>;

/** Compares what two places say about each key. Resolves to the exit code. Throws CliError. */
export async function diff(options: DiffOptions, config: Config): Promise<number> {
  const map = mapOf(options.map, config);
  const [first = '', second = ''] = options.stores;
  const table = tableOf(options);
  for (const name of options.stores) refuseUnknown(name, config);
  const sides: Side[] = [];
  let keys: Keys | null = null;
  try {
    const a = await openStoreSide(first, map, config.stores);
    sides.push(a);
    keys = options.list === null ? keysOfStore(a, map, config.stores) : keysOfList(options.list);
    const isAddress = map.kind === 'mailbox' || map.kind === 'alias';
    const b = table === null ? await openStoreSide(second, map, config.stores) : openPostmapSide(table, isAddress);
    sides.push(b);
    const tally = await compareAll(keys, [a, b], map, options.json);
    if (tally.asked === 0) throw new CliError(EXIT.DATA, `${keys.name}: has nothing to compare`);
    const exitCode = tally.failed > 0 ? EXIT.UNAVAILABLE : tally.asked > tally.same ? 1 : 0;
    summarize(tally, a, b, options.json, exitCode);
    return exitCode;
  } finally {
    keys?.close();
    await Promise.allSettled(sides.map((side) => side.close()));
  }
}

async function compareAll(keys: Keys, [a, b]: readonly [Side, Side], map: MapConfig, json: boolean): Promise<Tally> {
  const tally: Tally = { asked: 0, same: 0, neither: 0, only_a: 0, only_b: 0, other: 0, failed: 0 };
  const isSame = comparisonOf(map);
  const show = createShow(keys);
  let failures = 0; // in a row
  const compareChunk = async (chunk: readonly string[]): Promise<void> => {
    const asked = chunk.map((key) => askedFor(key, map));
    const [ofA, ofB] = await Promise.all([a.ask(asked), b.ask(asked)]);
    const lines = chunk.flatMap((key, at) => {
      const [one, other] = [ofA[at] as Outcome, ofB[at] as Outcome];
      const verdict = compare(key, one, other, isSame);
      tally.asked++;
      tally[verdict]++;
      if (verdict === 'same' && one.kind === 'NOTFOUND') tally.neither++;
      failures = verdict === 'failed' ? failures + 1 : 0;
      if (verdict === 'same') return [];
      const [wordsOfA, wordsOfB] = [wordsOf(one), wordsOf(other)];
      if (json) return [JSON.stringify({ key, result: verdict, a: wordsOfA, b: wordsOfB })];
      return [[key, `${a.name}: ${wordsOfA}`, `${b.name}: ${wordsOfB}`].map(cell).join('\t')];
    });
    show.clear();
    await write(lines);
    await nextTurn(); // two embedded stores answer at once, and LMDB gives memory back only between turns
    show.update(tally);
  };
  let chunk: string[] = [];
  try {
    for await (const key of keys.all()) {
      if (chunk.push(key) < CHUNK_KEYS) continue;
      await compareChunk(chunk);
      chunk = [];
      if (failures < MOST_FAILURES) continue;
      show.clear();
      warn(`stopped, because ${failures} addresses in a row failed; the others were not compared`);
      return tally;
    }
    if (chunk.length > 0) await compareChunk(chunk);
    return tally;
  } finally {
    show.clear();
  }
}

/** A bar on a terminal; elsewhere a line now and then, if it takes long. */
function createShow(keys: Keys): { update(tally: Tally): void; clear(): void } {
  const progress = createProgress(keys.size, 'addresses');
  let toldAt = performance.now();
  return {
    update(tally) {
      progress.show(keys.read(), tally.asked);
      if (process.stderr.isTTY || performance.now() - toldAt < QUIET_MS) return;
      toldAt = performance.now();
      process.stderr.write(`smmap: ${countsOf(tally)}\n`);
    },
    clear: () => progress.clear(),
  };
}

function summarize(tally: Tally, a: Side, b: Side, json: boolean, exitCode: number): void {
  const { only_a: onlyA, only_b: onlyB, other } = tally;
  if (json) process.stdout.write(`${JSON.stringify({ a: a.name, b: b.name, ...tally, exitCode })}\n`);
  process.stderr.write(
    `smmap: ${countsOf(tally)}\nsmmap: only in ${a.name}: ${onlyA}, only in ${b.name}: ${onlyB}, in both but different: ${other}\n`,
  );
}

function countsOf({ asked, same, neither, only_a: onlyA, only_b: onlyB, other, failed }: Tally): string {
  return `asked: ${asked}, same: ${same} (in neither: ${neither}), differ: ${onlyA + onlyB + other}, failed: ${failed}`;
}

function mapOf(name: string, { maps }: Config): MapConfig {
  const map = maps.get(name) ?? maps.get('*');
  if (map !== undefined) return map;
  throw new CliError(EXIT.USAGE, `there is no map ${name}; the maps are ${[...maps.keys()].join(', ')}`);
}

function refuseUnknown(name: string, { stores }: Config): void {
  if (stores.has(name)) return;
  throw new CliError(EXIT.USAGE, `there is no store ${name}; the stores are ${[...stores.keys()].join(', ')}`);
}

/** The table of Postfix, or null if two stores are compared. Throws CliError unless there are exactly two sides. */
function tableOf({ stores, other }: DiffOptions): string | null {
  const [, table] = /^postmap:(\w+:.+)$/.exec(other ?? '') ?? [];
  if (other !== null && table === undefined)
    throw new CliError(
      EXIT.USAGE,
      `--with ${other}: give postmap:TYPE:FILE, such as postmap:hash:/etc/postfix/virtual`,
    );
  if (
    new Set(stores).size === stores.length &&
    stores.length + (table === undefined ? 0 : 1) === 2 &&
    stores.length > 0
  )
    return table ?? null;
  throw new CliError(EXIT.USAGE, 'give two different stores, or one store and --with postmap:TYPE:FILE');
}

function cell(text: string): string {
  return printable(text, SHOWN_CHARS);
}

async function write(lines: readonly string[]): Promise<void> {
  if (lines.length === 0 || process.stdout.write(`${lines.join('\n')}\n`)) return;
  await new Promise((resolve) => process.stdout.once('drain', resolve));
}
