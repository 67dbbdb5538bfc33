import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../config/config.ts';

type Named = ReadonlyMap<string, unknown>;

/** What is different in another configuration, a line for each of its parts. No line has a value that may be secret. */
export function changesBetween(old: Config, next: Config): readonly string[] {
  const one = (name: string, config: unknown): Named => new Map(config === null ? [] : [[name, config]]);
  return [
    ...line('listeners', namesOf(old.listeners, next.listeners)),
    ...line('control', namesOf(one('socket', old.control), one('socket', next.control))),
    ...line('metrics', namesOf(one('listener', old.metrics), one('listener', next.metrics))),
    ...line('stores', namesOf(old.stores, next.stores)),
    ...line('maps', namesOf(old.maps, next.maps)),
    ...line('limits', valuesOf(old.limits, next.limits)),
    ...line('harvest', valuesOf(old.harvest, next.harvest)),
    ...line('log', valuesOf(old.log, next.log)),
  ];
}

function line(part: string, changes: readonly string[]): readonly string[] {
  return changes.length === 0 ? [] : [`${part}: ${changes.join(', ')}`];
}

function namesOf(old: Named, next: Named): readonly string[] {
  const added = [...next.keys()].filter((name) => !old.has(name)).map((name) => `added ${name}`);
  const changed = [...next].filter(([name, value]) => old.has(name) && !isDeepStrictEqual(old.get(name), value));
  const removed = [...old.keys()].filter((name) => !next.has(name)).map((name) => `removed ${name}`);
  return [...added, ...changed.map(([name]) => `changed ${name}`), ...removed];
}

function valuesOf(old: object, next: object): readonly string[] {
  const before = new Map<string, unknown>(Object.entries(old));
  return Object.entries(next)
    .filter(([name, value]) => !isDeepStrictEqual(before.get(name), value))
    .map(([name, value]) => `${keyOf(name)} ${String(before.get(name))} -> ${String(value)}`);
}

/** As the configuration spells it: `deadline_ms` for deadlineMs. */
function keyOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
