import { existsSync } from 'node:fs';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, test } from 'vitest';

/** Where parts.sh has put the mail servers and databases. */
export const PARTS = process.env['SMMAP_PARTS'] ?? fileURLToPath(new URL('../../.parts', import.meta.url));

/** A real part that the tests cannot use: what people call it, and the reason. */
export interface Missing {
  readonly name: string;
  readonly missing: string;
}

/** Where a part is. Below its root it has Debian's paths. */
export interface Place {
  readonly root: string;
  /** The folder of the libraries that came with it; null where it is installed, and finds them by itself. */
  readonly libs: string | null;
  /** What its programs need in their environment. */
  readonly env: Readonly<Record<string, string>>;
}

declare module 'vitest' {
  interface TaskMeta {
    /** Why the test is skipped: a part is missing, or another reason. */
    missing?: Missing;
    why?: string;
  }
}

/**
 * Tests that need something real. Where it is missing, all of them are skipped, and the last lines of the run say why
 * (test/support/summary.ts). With CI=true that is one failure.
 */
export function describePart<T extends object>(title: string, part: T | Missing, tests: (part: T) => void) {
  if (!isMissing(part)) {
    describe(title, () => tests(part));
  } else if (process.env['CI'] === 'true') {
    test(`${title}: ${part.name} is here`, () => {
      throw new Error(part.missing);
    });
  } else {
    describe.skip(title, { meta: { missing: part } }, () => tests({} as T)); // only counts them
  }
}

export function isMissing(part: object): part is Missing {
  return 'missing' in part;
}

/** Several parts as one, for tests that need all of them: the first that is missing is missing. */
export function together<T extends Readonly<Record<string, object>>>(
  parts: T,
): { readonly [Name in keyof T]: Exclude<T[Name], Missing> } | Missing {
  return Object.values(parts).find(isMissing) ?? (parts as { [Name in keyof T]: Exclude<T[Name], Missing> });
}

/** The part in a folder below `parts` if it has all of the files, else the one that is installed. */
export function findPlace(name: string, parts: string, folder: string, files: readonly string[]): Place | Missing {
  const unpacked = placeBelow(parts, folder);
  const installed: Place = { root: '/', libs: null, env: {} };
  const found = [unpacked, installed].find(({ root }) => files.every((file) => existsSync(join(root, file))));
  return found ?? missingFrom(name, unpacked.root);
}

/** The part in a folder below `parts`, for what cannot be used where it is installed. */
export function findUnpacked(
  name: string,
  parts: string,
  folder: string,
  files: readonly string[],
  why: string,
): Place | Missing {
  const unpacked = placeBelow(parts, folder);
  const isThere = files.every((file) => existsSync(join(unpacked.root, file)));
  return isThere ? unpacked : { name, missing: `not unpacked below ${unpacked.root}; ${why}` };
}

/**
 * The folder that has all of the programs: the unpacked one, an installed one at one of the usual places (as in
 * `usr/bin`), or one of PATH.
 */
export function findPrograms(
  name: string,
  parts: string,
  folder: string,
  usual: readonly string[],
  programs: readonly string[],
): (Omit<Place, 'root'> & { readonly bin: string }) | Missing {
  const { root, libs, env } = placeBelow(parts, folder);
  const has = (bin: string): boolean => programs.every((program) => existsSync(join(bin, program)));
  const unpacked = usual.map((bin) => join(root, bin)).find(has);
  if (unpacked !== undefined) return { bin: unpacked, libs, env };
  const path = (process.env['PATH'] ?? '').split(delimiter).filter((bin) => isAbsolute(bin));
  const installed = [...usual.map((bin) => join('/', bin)), ...path].find(has);
  return installed === undefined ? missingFrom(name, root) : { bin: installed, libs: null, env: {} };
}

/** As parts.sh lays it out. */
function placeBelow(parts: string, folder: string): Place & { readonly libs: string } {
  const root = resolve(parts, folder);
  const libs = join(root, 'libs');
  return { root, libs, env: { LD_LIBRARY_PATH: libs } };
}

function missingFrom(name: string, root: string): Missing {
  return { name, missing: `not installed, and not unpacked below ${root}` };
}
