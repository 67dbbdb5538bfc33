import type { Purpose } from './lmdb.ts';

/** Where a data file says how it is laid out. */
export const FORMAT_KEY = '!format';

/** How this smmap writes a data file: as layout.ts says, with the marks of mark.ts and the counts of count.ts. */
export const FORMAT = '3';

/** Formats that can be read too, and upgraded. Format 2, of 0.1, has no counts. */
export const OLDER_FORMATS: readonly string[] = ['2'];

/** Why a file of this format cannot be opened for a purpose, and what to do; null where it can. */
export function flawOfFormat(format: string | undefined, purpose: Purpose, dir: string): string | null {
  if (format === FORMAT) return null;
  if (format === undefined) return 'it has no format, since whoever made it was stopped; add a mailbox to it';
  if (OLDER_FORMATS.includes(format)) {
    if (purpose !== 'write') return null;
    return `its format is ${format}, of an older smmap, which this one reads but does not write; upgrade it: smmap store upgrade --store ${dir}`;
  }
  const known = `its format is ${format}, and this smmap knows ${[...OLDER_FORMATS, FORMAT].join(' and ')}`;
  return Number(format) > Number(FORMAT)
    ? `${known}: a newer smmap wrote it; use that one, or restore a backup of before: smmap store restore`
    : `${known}: export it with the smmap that wrote it, and import that into a new folder`;
}
