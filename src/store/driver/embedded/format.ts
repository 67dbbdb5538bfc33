import type { Purpose } from './lmdb.ts';

/** The key under which a data file says its format. */
export const FORMAT_KEY = '!format';

/** The format that this smmap writes: that of layout.ts, with the marks of mark.ts and the counts of count.ts. */
export const FORMAT = '3';

/** Older formats, which can be read and upgraded. Format 2, of 0.1, has no counts. */
export const OLDER_FORMATS: readonly string[] = ['2'];

/** Why a file of this format cannot be opened for a purpose, with the remedy; null if it can. */
export function flawOfFormat(format: string | undefined, purpose: Purpose, dir: string): string | null {
  if (format === FORMAT) return null;
  if (format === undefined)
    return `it is no store: what made it was stopped; remove it, and bring the store back (is its disk mounted?), or make a new one: smmap store create --store ${dir}`;
  if (OLDER_FORMATS.includes(format)) {
    if (purpose !== 'write') return null;
    return `its format is ${format}, of an older smmap, which this one reads but does not write; upgrade it: smmap store upgrade --store ${dir}`;
  }
  const known = `its format is ${format}, and this smmap knows ${[...OLDER_FORMATS, FORMAT].join(' and ')}`;
  return Number(format) > Number(FORMAT)
    ? `${known}: a newer smmap wrote it; use that one, or restore a backup from before that: smmap store restore`
    : `${known}: export it with the smmap that wrote it, and import that into a new folder`;
}
