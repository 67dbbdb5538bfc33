// All stores with their maps and mailboxes.

import { type History, createHistory } from './history.ts';
import type { Ages } from './judge.ts';
import type { Asked } from './load.ts';
import { type Writable, createWritable } from './mover.ts';
import { openDovecot } from './stores/dovecot.ts';
import { openEmbedded, openFile, openSqlite } from './stores/files.ts';
import { openHttp } from './stores/http.ts';
import { openMariadb } from './stores/mariadb.ts';
import type { Ground, Open } from './stores/open.ts';
import { openPostgresql } from './stores/postgresql.ts';
import { openRedis } from './stores/redis.ts';
import { openSlapd } from './stores/slapd.ts';
import { type StoreTarget, canaryOf, domainOf } from './target.ts';

export const STORES: Readonly<Record<string, Open>> = {
  embedded: openEmbedded,
  file: openFile,
  sqlite: openSqlite,
  postgresql: openPostgresql,
  mariadb: openMariadb,
  ldap: openSlapd,
  redis: openRedis,
  http: openHttp,
  dovecot: openDovecot,
};

/** Pairs of stores between which mailboxes move. */
const PAIRS = [
  ['postgresql', 'redis'],
  ['embedded', 'mariadb'],
  ['sqlite', 'http'],
] as const;

const MOVING = 16;
const STAYING = 6;
const ROAMING = 8;
const CACHE = { positive_ms: 2_000, negative_ms: 300, stale_ms: 6_000 };

/** A map: what it is asked for, and how its answers are judged. */
export interface JudgedMap {
  readonly name: string;
  readonly ages: Ages;
  readonly history: History;
  readonly keys: readonly string[];
  /** The stores that it asks. */
  readonly targets: readonly string[];
}

export interface Pair {
  readonly from: Writable;
  readonly to: Writable;
  readonly keys: readonly string[];
}

export interface World {
  readonly writables: readonly Writable[];
  readonly pairs: readonly Pair[];
  readonly maps: ReadonlyMap<string, JudgedMap>;
  /** What is not here, and why. */
  readonly missing: readonly string[];
  /** The sections of the configuration. `TIMEOUT` stands for the time for one question. */
  readonly lines: string;
  /** A question to a map. */
  next(map: string, random: () => number): Asked;
  stop(): Promise<void>;
}

/** Starts the stores of these names, and fills them. */
export async function openWorld(names: readonly string[], ground: Omit<Ground, 'name'>): Promise<World> {
  const writables: Writable[] = [];
  const missing: string[] = [];
  const maps: JudgedMap[] = [];
  const sections: string[] = [];
  const pairs: Pair[] = [];
  const stop = async (): Promise<void> => {
    for (const { target } of writables) await target.stop();
  };
  try {
    for (const name of names) {
      const target = await (STORES[name] as Open)({ ...ground, name });
      if ('missing' in target) {
        missing.push(`${target.name}: ${target.missing}`);
        continue;
      }
      const moving = named('m', MOVING, name);
      const staying = named('s', STAYING, name);
      const first = [canaryOf(name), ...staying, ...moving.filter((_, at) => at % 2 === 0)];
      const history = createHistory(Object.fromEntries(first.map((key) => [key, true])));
      const writable = createWritable(target, history, moving);
      writables.push(writable);
      await target.put(first, []);
      const keys = [...moving, ...staying, ...named('nobody', STAYING, name)];
      const plain = { name, history, keys, targets: [name], ages: { okMs: target.okMs, absentMs: 0 } };
      maps.push(plain);
      sections.push(sectionsOf(target, name, ''));
      if (!target.cached) continue;
      const cached = `${name}-cached`;
      maps.push({ ...plain, name: cached, ages: { okMs: CACHE.stale_ms, absentMs: CACHE.negative_ms } });
      const values = Object.entries(CACHE).map(([key, value]) => `${key} = ${value}`);
      sections.push(sectionsOf(target, cached, `cache = { ${values.join(', ')} }\n`));
    }
    for (const [one, other] of PAIRS) {
      const [from, to] = [one, other].map((name) => writables.find(({ target }) => target.name === name));
      if (from === undefined || to === undefined) continue;
      const name = `${one}-${other}`;
      const keys = named('r', ROAMING, name);
      await from.target.put(keys, []);
      const history = createHistory(Object.fromEntries(keys.map((key) => [key, true]))); // always in one of them
      const all = [...keys, ...named('nobody', 2, name)];
      maps.push({ name, history, keys: all, targets: [one, other], ages: { okMs: 0, absentMs: 0 } });
      sections.push(`[map.${name}]\nstores = ["${one}", "${other}"]\n`);
      pairs.push({ from, to, keys });
    }
  } catch (error) {
    await stop();
    throw error;
  }
  const byName = new Map(maps.map((map) => [map.name, map]));
  return {
    writables,
    pairs,
    missing,
    maps: byName,
    lines: sections.join(''),
    next(map, random) {
      const { keys } = byName.get(map) as JudgedMap;
      return { map, key: keys[Math.floor(random() * keys.length)] as string };
    },
    stop,
  };
}

function named(what: string, count: number, store: string): readonly string[] {
  return Array.from({ length: count }, (_, at) => `${what}${at}@${domainOf(store)}`);
}

function sectionsOf({ name, lines, cached }: StoreTarget, store: string, more: string): string {
  const own = lines.some((line) => line.startsWith('path') || line.startsWith('mailboxes ='));
  const timeout = own && !cached ? '' : 'timeout_ms = TIMEOUT\n';
  const canary = lines[0] === 'driver = "embedded"' ? '' : `canary = { mailbox = "${canaryOf(name)}" }\n`;
  return `[store.${store}]\n${lines.join('\n')}\n${timeout}${canary}${more}[map.${store}]\nstores = ["${store}"]\n`;
}
