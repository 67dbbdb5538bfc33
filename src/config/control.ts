import { readFileSync } from 'node:fs';
import { createChecker, isTable } from '../toml/check.ts';
import { parseDocument } from '../toml/document.ts';
import type { ControlConfig, ListenerConfig } from './config.ts';
import { control, listener, readControl } from './listener.ts';
import type { Places } from './load.ts';

/**
 * The control socket of a configuration file, from its sections [control] and [listen] alone, so that a health check does not
 * load and read the rest. Null: it has none, or it is not certain; then load.ts says why.
 */
export function readControlSocket(file: string | null, { socket }: Places): ControlConfig | null {
  try {
    const raw = file === null ? {} : parseDocument(readFileSync(file, 'utf8'));
    const { check, mistakes } = createChecker();
    const own = check(control, raw['control'] ?? {}, ['control']);
    const tables = raw['listen'] ?? { mta: { path: socket } };
    if (own === undefined || !isTable(tables) || Object.keys(tables).length === 0) return null;
    const listeners = Object.entries(tables).map(([name, table]) => check(listener, table, ['listen', name]));
    return mistakes.length > 0 ? null : readControl(own, listeners as ListenerConfig[]);
  } catch {
    return null;
  }
}
