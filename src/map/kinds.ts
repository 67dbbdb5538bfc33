import type { Question } from '../vocabulary.ts';
import { alias } from './alias.ts';
import { domain } from './domain.ts';
import type { Kind, MapKind } from './kind.ts';
import { mailbox } from './mailbox.ts';
import type { StepOptions } from './step.ts';
import { table } from './table.ts';

/** Every kind of map, under the name that `kind` gives it in a configuration. To add a kind, write its file, and a line here. */
export const kinds: Readonly<Record<string, Kind>> = {
  mailbox,
  alias,
  domain,
  table,
};

/** The kind of a map that names none. */
export const USUAL_KIND = 'mailbox';

/** The kind of a map of a configuration, where each has the name of a known kind. */
export function kindOf({ kind }: MapKind): Kind {
  return kinds[kind] as Kind;
}

/** The options of a map, where it is of this kind; otherwise null. */
export function optionsOf<O>(map: MapKind, kind: Kind<O>): O | null {
  return kindOf(map) === kind ? (map.options as O) : null;
}

/** What a map asks its stores, by an example of each question. */
export function questionsOf(map: MapKind): readonly Question[] {
  return kindOf(map).questions(map.options);
}

/** What a map asks only those of its stores that can answer. */
export function wishesOf(map: MapKind): readonly Question[] {
  return kindOf(map).wishes?.(map.options) ?? [];
}

/** How a map follows aliases; null where it follows none. */
export function stepOptionsOf(map: MapKind): StepOptions | null {
  return kindOf(map).aliases?.(map.options) ?? null;
}
