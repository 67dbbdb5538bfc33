import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { USUAL_KIND, kinds } from '../map/kinds.ts';
import { DRIVERS, driverOf, loadDeclarations, localStore } from '../store/drivers.ts';
import { type Table, createChecker, formatKey, isTable, show, unknownKey } from '../toml/check.ts';
import { DocumentError, parseDocument } from '../toml/document.ts';
import { locateKeys } from '../toml/lines.ts';
import { keysAt } from '../toml/walk.ts';
import { type Config, ConfigError, type MapConfig } from './config.ts';
import { control, listener, metrics, readControl } from './listener.ts';
import { type MapDraft, chooseStores } from './map-stores.ts';
import * as schema from './schema.ts';
import { flawsOfShadows } from './shadow.ts';

/** The default paths. */
export interface Places {
  readonly socket: string;
  readonly store: string;
}

/** Settings of the command line that replace those of the file. */
export interface Overrides {
  readonly listen?: readonly Readonly<Record<string, string>>[];
  readonly store?: string;
}

/** What could be read of a configuration. With mistakes, `parts` has what is certain all the same. `raw`: the tables of its file. */
export type Reading =
  | { readonly config: Config; readonly error: null; readonly parts: Parts; readonly raw: Table }
  | { readonly config: null; readonly error: ConfigError; readonly parts: Parts | null };

/** The parts of a configuration that say where things are. */
export interface Parts {
  /** Null if a listener has a mistake. */
  readonly listeners: Config['listeners'] | null;
  /** Null if its keys, or a listener, have a mistake. */
  readonly control: { readonly socket: Config['control'] } | null;
  /** The stores without a mistake. */
  readonly stores: Config['stores'];
  /** The drivers of the stores that have one, as the file names them. */
  readonly unread: readonly unknown[];
}

/** Reads a configuration file, and loads the drivers that it names. Null: the defaults. Throws ConfigError with all mistakes. */
export async function loadConfig(file: string | null, places: Places, overrides: Overrides = {}): Promise<Config> {
  return whole(await readConfig(file, places, overrides));
}

/** The same for a text whose drivers are loaded. `file` is its name in errors. */
export function parseConfig(text: string, file: string, places: Places, overrides: Overrides = {}): Config {
  return whole(readTables(parseToml(text, file), text, file, places, overrides));
}

/** All that a configuration is read from: plain data, so that another process can read the same. */
export interface Source {
  readonly text: string;
  readonly file: string;
  readonly places: Places;
  readonly overrides: Overrides;
}

/** Reads the text of a configuration file. Null: the defaults. Throws ConfigError if that cannot be read. */
export function sourceOf(file: string | null, places: Places, overrides: Overrides = {}): Source {
  return { text: file === null ? '' : textOf(file), file: file ?? 'defaults', places, overrides };
}

/** A configuration from its source, with the drivers that it names loaded. Throws ConfigError with all mistakes. */
export async function parseSource(source: Source): Promise<Config> {
  return whole(await readSource(source));
}

function whole({ config, error }: Reading): Config {
  if (config === null) throw error;
  return config;
}

/** Reads what it can of a configuration file, and loads the drivers that it names. Null: the defaults. */
export async function readConfig(file: string | null, places: Places, overrides: Overrides = {}): Promise<Reading> {
  try {
    return await readSource(sourceOf(file, places, overrides));
  } catch (error) {
    return unreadable(error);
  }
}

async function readSource({ text, file, places, overrides }: Source): Promise<Reading> {
  try {
    const raw = parseToml(text, file);
    const stores = isTable(raw['store']) ? Object.values(raw['store']) : [];
    const tables = [localStore(places.store), ...stores].filter(isTable);
    await loadDeclarations(tables.map(({ driver }) => driver));
    return readTables(raw, text, file, places, overrides);
  } catch (error) {
    return unreadable(error);
  }
}

function unreadable(error: unknown): Reading {
  if (!(error instanceof ConfigError)) throw error;
  return { config: null, error, parts: null };
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const reason = `cannot be read (${(error as Error).message})`;
    throw new ConfigError(file, [{ key: 'file', reason, remedy: 'check the path and its permissions' }]);
  }
}

function readTables(raw: Table, text: string, file: string, places: Places, overrides: Overrides): Reading {
  const { check, named, mistakes } = createChecker();
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

  const plain = Object.fromEntries(Object.entries(raw).filter(([key]) => PLAIN_KEYS.includes(key)));
  const processes = check(schema.process, plain, []);
  const log = check(schema.log, raw['log'] ?? {}, ['log']);
  const limits = check(schema.limits, raw['limits'] ?? {}, ['limits']);
  const harvest = check(schema.harvest, raw['harvest'] ?? {}, ['harvest']);
  const controlKeys = check(control, raw['control'] ?? {}, ['control']);
  const metricsListener = raw['metrics'] === undefined ? null : check(metrics, raw['metrics'], ['metrics']);
  const listeners = eachOf(listenTables, (table, name) => check(listener, table, ['listen', name]));
  const stores = eachOf(storeTables, (table, name) => {
    const path = ['store', name];
    const [driver] = named(DRIVERS, 'driver', table, path) ?? [];
    return driver === undefined ? undefined : check(driverOf({ driver }).keys, table, path);
  });
  const mapType = schema.mapKeys(Object.keys(storeTables));
  const mapKeys = keysAt(mapType, []);
  const drafts = eachOf(mapTables, (table, name): MapDraft | undefined => {
    const path = ['map', name];
    const [kind, declared] = named(kinds, 'kind', table, path, USUAL_KIND) ?? [];
    if (kind === undefined || declared === undefined) return undefined;
    const [common, own] = splitTable(table, mapKeys);
    const shared = check(mapType, common, path);
    const options = check(declared.keys(name), own, path, mapKeys);
    if (shared === undefined || options === undefined) return undefined;
    const { stores: chosen, shadow } = shared;
    return { kind, options, stores: chosen, ...(shadow !== null && { shadow }) };
  });
  const maps = new Map<string, MapConfig>();
  if (stores.size === Object.keys(storeTables).length) {
    for (const [name, draft] of drafts) maps.set(name, chooseStores(name, draft, stores, mistakes));
  }
  mistakes.push(...flawsOfShadows(Object.keys(mapTables), drafts));
  for (const name of Object.keys(mapTables)) {
    if (!/\s/.test(name) && name !== '') continue;
    const reason = 'is empty or has a blank, so no request can name it';
    mistakes.push({ key: formatKey(['map', name]), reason, remedy: 'choose a name without blanks' });
  }

  const isWrong = (section: string): boolean => mistakes.some(({ key }) => key.split('.')[0] === section);
  const socket = controlKeys === undefined ? null : readControl(controlKeys, listeners.values());
  const parts: Parts = {
    listeners: isWrong('listen') ? null : listeners,
    control: isWrong('listen') || isWrong('control') ? null : { socket },
    stores,
    unread: Object.entries(storeTables).flatMap(([name, table]) =>
      stores.has(name) ? [] : [isTable(table) ? table['driver'] : undefined],
    ),
  };
  if (
    mistakes.length > 0 ||
    processes === undefined ||
    log === undefined ||
    limits === undefined ||
    harvest === undefined ||
    controlKeys === undefined ||
    metricsListener === undefined
  ) {
    const lineOf = locateKeys(text);
    const isOfFile = (key: string): boolean => overrides.listen === undefined || !key.startsWith('listen');
    const error = new ConfigError(file, mistakes, (key) => (isOfFile(key) ? lineOf(key) : null));
    return { config: null, error, parts };
  }
  const workers = processes.workers === 'auto' ? availableParallelism() : processes.workers;
  const config = { workers, log, limits, harvest, listeners, control: socket, metrics: metricsListener, stores, maps };
  return { config, error: null, parts, raw };
}

const PLAIN_KEYS: readonly string[] = ['workers'];
const SECTIONS: readonly string[] = [
  ...PLAIN_KEYS,
  'log',
  'limits',
  'harvest',
  'control',
  'metrics',
  'listen',
  'store',
  'map',
];

function parseToml(text: string, file: string): Table {
  try {
    return parseDocument(text);
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error;
    const mistake = {
      key: `column ${error.column}`,
      reason: error.message,
      remedy: 'see https://toml.io for the syntax of TOML',
    };
    throw new ConfigError(file, [mistake], () => error.line);
  }
}

/** Reads each table of a section. Leaves out those with mistakes. */
function eachOf<T>(tables: Table, read: (table: unknown, name: string) => T | undefined): Map<string, T> {
  const all = Object.entries(tables).map(([name, table]) => [name, read(table, name)] as const);
  return new Map(all.filter((entry): entry is [string, T] => entry[1] !== undefined));
}

/** Splits a table in two: the values of these keys, and the others. If it is not a table, it is the second part. */
function splitTable(table: unknown, keys: readonly string[]): readonly [Table, unknown] {
  if (!isTable(table)) return [{}, table];
  const part = (isCommon: boolean): Table =>
    Object.fromEntries(Object.entries(table).filter(([key]) => keys.includes(key) === isCommon));
  return [part(true), part(false)];
}
