import type { Question } from '../vocabulary.ts';
import { alias } from './alias.ts';
import { domain } from './domain.ts';
import type { Kind, MapKind, Variant } from './kind.ts';
import { mailbox } from './mailbox.ts';
import type { StepOptions } from './step.ts';
import { table } from './table.ts';

/** Every kind of map, under its name in a configuration. To add a kind, write its file and a line here. */
export const kinds: Readonly<Record<string, Kind>> = {
  mailbox,
  alias,
  domain,
  table,
};

/** The kind of a map without a `kind`. */
export const USUAL_KIND = 'mailbox';

/** The kind of a map of a configuration. A configuration that was loaded has only known kinds. */
export function kindOf({ kind }: MapKind): Kind {
  return kinds[kind] as Kind;
}

/** The options of a map, if it is of this kind. Otherwise null. */
export function optionsOf<O>(map: MapKind, kind: Kind<O>): O | null {
  return kindOf(map) === kind ? (map.options as O) : null;
}

/** One example of each question that a map asks its stores. */
export function questionsOf(map: MapKind): readonly Question[] {
  return kindOf(map).questions(map.options);
}

/** Examples of the questions that a map asks only stores that can answer them. */
export function wishesOf(map: MapKind): readonly Question[] {
  return kindOf(map).wishes?.(map.options) ?? [];
}

/** Whether a map takes every domain for its default domain, or does not ask for addresses. */
export function takesEveryDomain(map: MapKind): boolean {
  const options = optionsOf(map, mailbox) ?? optionsOf(map, alias);
  return options === null || options.localDomains.has('*');
}

/** What to change so that a map asks a store for no folders. */
export function withoutFolders(map: MapKind): string {
  return kindOf(map).withoutFolders?.(map.options) ?? 'remove it';
}

/** A map with other settings, with which it may find what it does not find now. */
export function variantsOf(map: MapKind): readonly Variant<unknown>[] {
  return kindOf(map).variants?.(map.options) ?? [];
}

/** How a map follows aliases. Null if it does not. */
export function stepOptionsOf(map: MapKind): StepOptions | null {
  return kindOf(map).aliases?.(map.options) ?? null;
}

/** What each alias domain of the maps stands for. The first map that names one counts. */
export function aliasDomainsOf(maps: Iterable<MapKind>): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const map of maps) {
    const options = optionsOf(map, mailbox) ?? optionsOf(map, alias) ?? optionsOf(map, domain);
    for (const [name, target] of options?.aliasDomains ?? []) if (!found.has(name)) found.set(name, target);
  }
  return found;
}

/** The domains that the keys of a map name. */
export function domainsOf(map: MapKind): ReadonlySet<string> {
  const options = optionsOf(map, mailbox) ?? optionsOf(map, alias);
  const own = options === null ? [] : [options.defaultDomain ?? '*', ...options.localDomains];
  const named = [...own, ...[...aliasDomainsOf([map])].flat()];
  return new Set(named.filter((each) => each !== '*'));
}
