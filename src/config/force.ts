import { USUAL_KIND, kinds } from '../map/kinds.ts';
import { driverOf, localStore } from '../store/drivers.ts';
import { type Table, isTable } from '../toml/check.ts';
import { difference, filled } from '../toml/fill.ts';
import type { Schema } from '../toml/type.ts';
import type { Config } from './config.ts';
import { USUAL_MODES, control, listenerKeys, metricsKeys, readControl } from './listener.ts';
import type { Places } from './load.ts';
import { chooseStores } from './map-stores.ts';
import * as schema from './schema.ts';

/** A table of the configuration in force: all its keys that have a value, and those that are only defaults. */
interface Filled {
  readonly all: Table;
  readonly usual: Table;
}

/**
 * A configuration in force, as tables: every key that has a value, in the file or by default. Or, with `onlyChanges`, only what
 * differs from the defaults. Written as TOML, both are the same configuration. `raw` are the tables of its file.
 */
export function tablesInForce(raw: Table, config: Config, places: Places, onlyChanges: boolean): Table {
  const sections = Object.entries(sectionsOf(raw, config));
  const usual = sectionsOf({}, config);
  const listen = { mta: { path: places.socket } };
  const store = { local: localStore(places.store) };
  const named = Object.entries(NAMED).flatMap(([section, fill]) => {
    const whole = (tables: unknown): Readonly<Record<string, Filled>> =>
      isTable(tables)
        ? Object.fromEntries(Object.entries(tables).map(([name, table]) => [name, fill(table as Table, name, config)]))
        : {};
    const tables = whole(raw[section] ?? { listen, store, map: { '*': {} } }[section]);
    const isUsual = JSON.stringify(tables) === JSON.stringify(whole({ listen, store, map: { '*': {} } }[section]));
    if (onlyChanges && isUsual) return [];
    const shown = Object.entries(tables).map(([name, { all, usual: plain }]) => [
      name,
      onlyChanges ? difference(all, plain) : all,
    ]);
    return [[section, Object.fromEntries(shown) as Table] as const];
  });
  const plain = fillTable(schema.process, { workers: raw['workers'] });
  const own = onlyChanges ? difference(plain, fillTable(schema.process, {})) : plain;
  const single = sections.flatMap(([section, all]) => {
    const shown = onlyChanges ? difference(all, usual[section] ?? {}) : all;
    return Object.keys(shown).length === 0 ? [] : [[section, shown] as const];
  });
  return { ...own, ...Object.fromEntries([...single, ...named]) };
}

/** The sections without names. The control socket is beside the first listener unless the file says so. */
function sectionsOf(raw: Table, { listeners }: Config): Readonly<Record<string, Table>> {
  const beside = readControl({ path: null, mode: null, owner: null, group: null }, listeners.values());
  const written = isTable(raw['control']) ? raw['control'] : {};
  const path = written['path'] ?? beside?.path;
  const { metrics } = raw;
  return {
    log: fillTable(schema.log, raw['log']),
    limits: fillTable(schema.limits, raw['limits']),
    harvest: fillTable(schema.harvest, raw['harvest']),
    control: path === undefined ? {} : { path, mode: USUAL_MODES.control, ...fillTable(control, written) },
    metrics: isTable(metrics) ? { ...modeOf(metrics, USUAL_MODES.metrics), ...fillTable(metricsKeys, metrics) } : {},
  };
}

/** How the tables of the sections with names are filled. */
const NAMED: Readonly<Record<string, (table: Table, name: string, config: Config) => Filled>> = {
  listen(table) {
    const mode = modeOf(table, USUAL_MODES.listener);
    return { all: { ...mode, ...fillTable(listenerKeys, table) }, usual: { ...mode, ...fillTable(listenerKeys, {}) } };
  },
  store(table) {
    const { keys } = driverOf({ driver: String(table['driver']) });
    return { all: fillTable(keys, table), usual: fillTable(keys, {}) };
  },
  map(table, name, { maps, stores: known }) {
    const map = maps.get(name);
    const able = map === undefined ? [] : chooseStores(name, { ...map, stores: null }, known, []).stores;
    const { kind = USUAL_KIND, stores = able, shadow } = table;
    const keys = kinds[String(kind)]?.keys(name);
    const options = (given: Table): Table => (keys === undefined ? given : fillTable(keys, given));
    const all = { kind, stores, ...(shadow === undefined ? {} : { shadow }), ...options(table) };
    return { all, usual: { kind: USUAL_KIND, stores: able, ...options({}) } };
  },
};

/** The mode of a socket file, if a table has one. */
function modeOf({ path }: Table, usual: string): Table {
  return path === undefined ? {} : { mode: usual };
}

/** The same tables without the secrets that stand in them. */
export function hideSecrets(tables: Table): Table {
  const { store } = tables;
  if (!isTable(store)) return tables;
  const hide = (table: unknown): unknown =>
    isTable(table) ? (driverOf({ driver: String(table['driver']) }).hideSecrets?.(table) ?? table) : table;
  return { ...tables, store: Object.fromEntries(Object.entries(store).map(([name, table]) => [name, hide(table)])) };
}

function fillTable(type: Schema, table: unknown): Table {
  return filled(type, table ?? {}) as Table;
}
