import { readFileSync } from 'node:fs';
import { distance } from 'fastest-levenshtein';
import { TomlError, parse } from 'smol-toml';
import type { Kind, MapKind } from '../map/kind.ts';
import { USUAL_KIND, kinds, questionsOf } from '../map/kinds.ts';
import { NOUNS } from '../record/record.ts';
import type { Question } from '../vocabulary.ts';
import type { StoreConfig } from '../store/driver.ts';
import { canAnswer, DRIVERS, lackOfCanary, localStore } from '../store/drivers.ts';
import { type Config, ConfigError, type MapConfig } from './config.ts';
import { control, listener, readControl } from './listener.ts';
import * as schema from './schema.ts';
import type { Issue, Schema, Mistake } from '../toml/type.ts';
import { descriptionAt, keysAt } from '../toml/walk.ts';

/** Where things are when no file says so. */
export interface Places {
  readonly socket: string;
  readonly store: string;
}

/** What the command line sets instead of the file. */
export interface Overrides {
  readonly listen?: readonly Readonly<Record<string, string>>[];
  readonly store?: string;
}

type Table = Record<string, unknown>;

/** Reads a configuration file, or without one the defaults. Throws ConfigError with every mistake. */
export function loadConfig(file: string | null, places: Places, overrides: Overrides = {}): Config {
  if (file === null) return parseConfig('', 'defaults', places, overrides);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const reason = `cannot be read (${(error as Error).message})`;
    throw new ConfigError(file, [{ key: 'file', reason, remedy: 'check the path and its permissions' }]);
  }
  return parseConfig(text, file, places, overrides);
}

/** The same for a text; `file` is its name in errors. */
export function parseConfig(text: string, file: string, places: Places, overrides: Overrides = {}): Config {
  const raw = parseToml(text, file);
  const mistakes: Mistake[] = [];

  /** `others` are keys that the same table may have, and that another type reads. */
  const check = <T>(
    type: Schema<T>,
    value: unknown,
    path: readonly string[],
    others: readonly string[] = [],
  ): T | undefined => {
    const result = type.safeParse(value);
    if (result.success) return result.data;
    mistakes.push(...result.error.issues.flatMap((issue) => toMistakes(issue, type, value, path, others)));
    return undefined;
  };
  const checkEach = <T>(
    section: string,
    entries: Table,
    type: (value: unknown, path: string[]) => Schema<T> | undefined,
  ) => {
    const checked = new Map<string, T>();
    for (const [name, value] of Object.entries(entries)) {
      const path = [section, name];
      const entryType = type(value, path);
      const entry = entryType === undefined ? undefined : check(entryType, value, path);
      if (entry !== undefined) checked.set(name, entry);
    }
    return checked;
  };
  /** What a table names in one of its keys, such as its driver, with its name. */
  const named = <T>(known: Readonly<Record<string, T>>, key: string, otherwise?: string) => {
    return (table: unknown, path: string[]): readonly [string, T] | undefined => {
      const name = (isTable(table) ? table[key] : undefined) ?? otherwise;
      if (typeof name === 'string' && Object.hasOwn(known, name)) return [name, known[name] as T];
      const reason = name === undefined ? 'is missing' : `is ${show(name)}`;
      const remedy = `give one of ${Object.keys(known).join(', ')}`;
      mistakes.push({ key: formatKey([...path, key]), reason, remedy });
      return undefined;
    };
  };
  const tableAt = (section: string, otherwise: Table): Table => {
    const value = raw[section] ?? otherwise;
    if (isTable(value) && Object.keys(value).length > 0) return value;
    const remedy = `give tables, [${section}.NAME], or leave it out`;
    mistakes.push({ key: section, reason: `is ${show(value)}`, remedy });
    return {};
  };

  const unknown = Object.keys(raw).filter((key) => !SECTIONS.includes(key));
  mistakes.push(...unknown.map((key) => unknownKey([], key, SECTIONS)));

  const listenTables =
    overrides.listen === undefined
      ? tableAt('listen', { mta: { path: places.socket } })
      : Object.fromEntries(overrides.listen.map((entry, at) => [`--listen ${at + 1}`, entry]));
  const storeTables =
    overrides.store === undefined
      ? tableAt('store', { local: localStore(places.store) })
      : { local: localStore(overrides.store) };
  const mapTables = tableAt('map', { '*': {} });

  const log = check(schema.log, raw['log'] ?? {}, ['log']);
  const limits = check(schema.limits, raw['limits'] ?? {}, ['limits']);
  const controlKeys = check(control, raw['control'] ?? {}, ['control']);
  const listeners = checkEach('listen', listenTables, () => listener);
  const stores = checkEach('store', storeTables, (table, path) => named(DRIVERS, 'driver')(table, path)?.[1].keys);
  const drafts = new Map<string, MapDraft>();
  const mapType = schema.mapKeys(Object.keys(storeTables));
  const mapKeys = keysAt(mapType, []);
  for (const [name, table] of Object.entries(mapTables)) {
    const path = ['map', name];
    const found = named<Kind>(kinds, 'kind', USUAL_KIND)(table, path);
    if (found === undefined) continue;
    const [kind, declared] = found;
    const [common, own] = splitTable(table, mapKeys);
    const shared = check(mapType, common, path);
    const options = check(declared.keys(name), own, path, mapKeys);
    if (shared !== undefined && options !== undefined) drafts.set(name, { kind, options, stores: shared.stores });
  }
  const maps = new Map<string, MapConfig>();
  if (stores.size === Object.keys(storeTables).length) {
    for (const [name, draft] of drafts) maps.set(name, chooseStores(name, draft, stores, mistakes));
  }
  for (const name of Object.keys(mapTables)) {
    if (!/\s/.test(name) && name !== '') continue;
    const reason = "a request ends a map's name at its first blank, so this one is never asked";
    mistakes.push({ key: formatKey(['map', name]), reason, remedy: 'choose a name without blanks' });
  }

  if (mistakes.length > 0 || log === undefined || limits === undefined || controlKeys === undefined) {
    throw new ConfigError(file, mistakes);
  }
  return { log, limits, listeners, control: readControl(controlKeys, listeners.values()), stores, maps };
}

/** A map, with the stores that it names; null where it names none. */
type MapDraft = MapKind & { readonly stores: readonly string[] | null };

/** Gives a map that names no stores all that can answer it; every question of a map needs one, and every one a question. */
function chooseStores(
  name: string,
  { stores, ...kind }: MapDraft,
  known: ReadonlyMap<string, StoreConfig>,
  mistakes: Mistake[],
): MapConfig {
  const questions = questionsOf(kind);
  const answering = (question: Question): string[] =>
    [...known].filter(([, store]) => canAnswer(store, question)).map(([each]) => each);
  const able = new Set(questions.flatMap(answering));
  const chosen = stores ?? [...known.keys()].filter((each) => able.has(each));
  const key = formatKey(['map', name, 'stores']);
  for (const store of chosen.filter((each) => known.has(each) && !able.has(each))) {
    const remedy = `remove it, or give it ${questions.map(nounOf).join(' or ')}`;
    mistakes.push({ key, reason: `"${store}" holds nothing that this map asks for`, remedy });
  }
  for (const question of questions.filter((each) => each.about !== 'mailbox' || each.folder === null)) {
    const others = answering(question);
    if (others.some((each) => chosen.includes(each))) continue;
    const remedy = others.length > 0 ? `name ${others.join(' or ')} too` : 'give a store some';
    mistakes.push({ key, reason: `none of them holds ${nounOf(question)}`, remedy });
  }
  // Who has a mailbox but is not asked for its folders could be refused by one that has another's.
  const [mailbox, folder] = questions;
  if (mailbox !== undefined && folder?.about === 'mailbox') {
    const mute = answering(mailbox).filter((each) => chosen.includes(each) && !answering(folder).includes(each));
    const remedy = 'give it a query for a folder, or set detail.policy to "ignore"';
    for (const store of mute) mistakes.push({ key, reason: `"${store}" knows no folders`, remedy });
  }
  for (const store of chosen) {
    const missing = questions.filter(
      (question) => lackOfCanary(known.get(store) as StoreConfig, question) === 'needed',
    );
    for (const question of missing) {
      const canary = { key: formatKey(['store', store, 'canary']), ...canaryFor(question) };
      if (!mistakes.some((mistake) => mistake.key === canary.key && mistake.reason === canary.reason)) {
        mistakes.push(canary);
      }
    }
  }
  return { ...kind, stores: chosen };
}

function canaryFor(question: Question): Omit<Mistake, 'key'> {
  const [what, remedy] =
    question.about === 'key'
      ? [`the table ${question.table}`, `tables = { ${question.table} = "a key that is always there" }`]
      : [NOUNS[question.about][1], `${question.about} = "one that is always there"`];
  return {
    reason: `has none for ${what}, and nothing else would tell when they are lost`,
    remedy: `give it ${remedy}`,
  };
}

function nounOf(question: Question): string {
  if (question.about === 'key') return `a table ${question.table}`;
  return question.about === 'mailbox' && question.folder !== null ? 'folders' : NOUNS[question.about][1];
}

const SECTIONS: readonly string[] = ['log', 'limits', 'control', 'listen', 'store', 'map'];

function parseToml(text: string, file: string): Table {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const reason = (error.message.split('\n')[0] as string).replace(/^Invalid TOML document: /, '');
    throw new ConfigError(file, [
      {
        key: `line ${error.line}, column ${error.column}`,
        reason,
        remedy: 'see https://toml.io for how TOML is written',
      },
    ]);
  }
}

function toMistakes(
  issue: Issue,
  type: Schema,
  value: unknown,
  path: readonly string[],
  others: readonly string[],
): Mistake[] {
  const own = issue.code === 'invalid_union' ? issue.errors.flat().find(({ code }) => code === 'custom') : undefined;
  if (own !== undefined) return toMistakes({ ...own, path: issue.path }, type, value, path, others);
  const within = issue.path.map(String);
  const key = formatKey([...path, ...within.filter((part) => part !== '')]);
  if (issue.code === 'unrecognized_keys') {
    const known = [...(within.length === 0 ? others : []), ...keysAt(type, within)];
    return issue.keys.map((name) => unknownKey([...path, ...within], name, known));
  }
  const given = valueAt(value, within);
  const remedy = `give ${descriptionAt(type, within) ?? 'what the annotated smmap.toml shows'}`;
  if (issue.code === 'custom') {
    const better: unknown = issue.params?.['remedy'];
    return [{ key, reason: issue.message, remedy: typeof better === 'string' ? better : remedy }];
  }
  return [{ key, reason: given === undefined ? 'is missing' : `is ${show(given)}`, remedy }];
}

function unknownKey(path: readonly string[], name: string, known: readonly string[]): Mistake {
  const near = known.filter((other) => other.startsWith(name) || distance(other, name) <= Math.max(2, name.length / 3));
  const nearest = near.toSorted((a, b) => distance(a, name) - distance(b, name))[0];
  const remedy = nearest === undefined ? `known here are ${known.join(', ')}` : `did you mean ${nearest}?`;
  return { key: formatKey([...path, name]), reason: 'is not known', remedy };
}

/** Parts a table in two, of which the first has what stands under these keys; what is no table is left to the second. */
function splitTable(table: unknown, keys: readonly string[]): readonly [Table, unknown] {
  if (!isTable(table)) return [{}, table];
  const part = (isCommon: boolean): Table =>
    Object.fromEntries(Object.entries(table).filter(([key]) => keys.includes(key) === isCommon));
  return [part(true), part(false)];
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Table | undefined)?.[key], value);
}

function formatKey(path: readonly string[]): string {
  return path.map((part) => (/^[\w-]+$/.test(part) ? part : JSON.stringify(part))).join('.');
}

function show(value: unknown): string {
  return JSON.stringify(value);
}

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
