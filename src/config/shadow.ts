import { ACCEPT } from '../map/kind.ts';
import { kindOf } from '../map/kinds.ts';
import { formatKey } from '../toml/check.ts';
import type { Mistake } from '../toml/type.ts';
import type { MapDraft } from './map-stores.ts';

/**
 * The mistakes in `shadow` of the maps. `names` are all maps of the file; `maps` are those without a mistake of their
 * own. The word `accept` never means a map.
 */
export function flawsOfShadows(names: readonly string[], maps: ReadonlyMap<string, MapDraft>): readonly Mistake[] {
  return [...maps].flatMap(([name, map]) => {
    if (map.shadow === undefined) return [];
    const flaw = map.shadow === ACCEPT ? flawOfAccept(map, names) : flawOfOther(name, map, map.shadow, names, maps);
    return flaw === null ? [] : [{ key: formatKey(['map', name, 'shadow']), ...flaw }];
  });
}

type Flaw = Omit<Mistake, 'key'>;

function flawOfAccept(map: MapDraft, names: readonly string[]): Flaw | null {
  if (names.includes(ACCEPT)) {
    const reason = `may mean the word "${ACCEPT}" or [map.${ACCEPT}]`;
    return { reason, remedy: `give [map.${ACCEPT}] another name` };
  }
  if (kindOf(map).accepts !== undefined) return null;
  return {
    reason: `is "${ACCEPT}", but an OK that is made up by a map of this kind would send mail elsewhere`,
    remedy: 'name a map of the same kind, which then replies; or leave the map out of the mail server for now',
  };
}

function flawOfOther(
  name: string,
  map: MapDraft,
  wanted: string,
  names: readonly string[],
  maps: ReadonlyMap<string, MapDraft>,
): Flaw | null {
  const able = [...maps].filter(
    ([each, { kind, shadow }]) => each !== name && each !== ACCEPT && kind === map.kind && shadow === undefined,
  );
  const others = able.length === 0 ? '' : `: ${able.map(([each]) => each).join(', ')}`;
  const remedy = `give "${ACCEPT}", or another map of the same kind${others}`;
  if (wanted === name) return { reason: 'is the map itself', remedy };
  if (!names.includes(wanted)) return { reason: `there is no map "${wanted}"`, remedy };
  const other = maps.get(wanted);
  if (other === undefined) return null; // it has a mistake of its own
  if (other.kind !== map.kind) return { reason: `[map.${wanted}] is of another kind`, remedy };
  if (other.shadow === undefined) return null;
  return { reason: `[map.${wanted}] is in shadow too`, remedy };
}
