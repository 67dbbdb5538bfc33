import type { Schema } from './type.ts';

/** The part of a zod type that says which types are inside it (zod.dev, "Schema definition"). */
export interface Definition {
  readonly shape?: Readonly<Record<string, Schema>>;
  readonly element?: Schema;
  readonly valueType?: Schema;
  readonly innerType?: Schema;
  readonly in?: Schema;
  readonly defaultValue?: unknown;
}

/** The description of the type at a path, such as ["limits", "idle_ms"]. */
export function descriptionAt(type: Schema, path: readonly string[]): string | undefined {
  let at = typeAt(type, path);
  while (at !== undefined && at.description === undefined) at = innerOf(at);
  return at?.description;
}

/** The keys that the table at a path may have. */
export function keysAt(type: Schema, path: readonly string[]): string[] {
  return Object.keys(definitionOf(typeAt(type, path)).shape ?? {});
}

function typeAt(type: Schema | undefined, path: readonly string[]): Schema | undefined {
  const [first, ...rest] = path;
  if (first === undefined || type === undefined) return type;
  const { shape, element, valueType } = definitionOf(type);
  return typeAt(shape?.[first] ?? element ?? valueType, rest);
}

/** The definition of a type, without its defaults and transforms. */
function definitionOf(type: Schema | undefined): Definition {
  if (type === undefined) return {};
  const inner = innerOf(type);
  return inner === undefined ? (type.def as Definition) : definitionOf(inner);
}

/** The type inside a type with a default or a transform. */
export function innerOf(type: Schema): Schema | undefined {
  const definition = type.def as Definition;
  return definition.innerType ?? definition.in;
}
