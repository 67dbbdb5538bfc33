import { type Table, isTable } from './check.ts';
import type { Schema } from './type.ts';
import { innerOf } from './walk.ts';

/** A value as the file has it, with the defaults of its type. Undefined for a key that is not in the file and has no default. */
export function filled(type: Schema, value: unknown): unknown {
  const { definition } = type;
  const given = value ?? definition.defaultValue ?? undefined;
  const inner = innerOf(type);
  if (inner !== undefined) return filled(inner, given);
  if (!isTable(given)) return given;
  const { shape, valueType } = definition;
  const names = shape === undefined ? Object.keys(given) : Object.keys(shape);
  const entries = names.map((name) => {
    const at = shape?.[name] ?? valueType;
    return [name, at === undefined ? given[name] : filled(at, given[name])] as const;
  });
  return Object.fromEntries(entries.filter(([, each]) => each !== undefined));
}

/** The part of a table that differs from another one. */
export function difference(table: Table, other: Table): Table {
  const entries = Object.entries(table).flatMap(([name, value]): [string, unknown][] => {
    const before = other[name];
    if (isTable(value) && isTable(before)) {
      const inner = difference(value, before);
      return Object.keys(inner).length === 0 ? [] : [[name, inner]];
    }
    return JSON.stringify(value) === JSON.stringify(before) ? [] : [[name, value]];
  });
  return Object.fromEntries(entries);
}
