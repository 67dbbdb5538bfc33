import type { Definition, Schema } from './schema.ts';

/** The description of the type at a path, such as ["limits", "idle_ms"]. */
export function descriptionAt(type: Schema, path: readonly string[]): string | undefined {
  let at = typeAt(type, path);
  while (at !== undefined && at.description === undefined) at = innerOf(at);
  return at?.description;
}

/** The keys that the table at a path may have. */
export function keysAt(type: Schema, path: readonly string[]): string[] {
  const definition = definitionOf(typeAt(type, path));
  const shape = definition.shape ?? firstOf(definition.options ?? [], (each) => definitionOf(each).shape);
  return Object.keys(shape ?? {});
}

function firstOf<T, U>(each: readonly T[], find: (one: T) => U | undefined): U | undefined {
  return each.map(find).find((found) => found !== undefined);
}

function typeAt(type: Schema | undefined, path: readonly string[]): Schema | undefined {
  const [first, ...rest] = path;
  if (first === undefined || type === undefined) return type;
  const { shape, element, valueType, options } = definitionOf(type);
  if (options !== undefined) return firstOf(options, (each) => typeAt(each, path));
  const inner = shape?.[first] ?? (/^\d+$/.test(first) ? element : undefined) ?? valueType;
  return typeAt(inner, rest);
}

/** The definition of a type, without its defaults and transforms. */
function definitionOf(type: Schema | undefined): Definition {
  if (type === undefined) return {};
  const inner = innerOf(type);
  return inner === undefined ? type.definition : definitionOf(inner);
}

/** The type inside a type with a default or a transform. */
export function innerOf(type: Schema): Schema | undefined {
  return type.definition.inner;
}
