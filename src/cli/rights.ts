import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Account } from '../account.ts';
import { outputOf } from './system.ts';

/** What a program does with a path: `enter` is to look up names in a folder, `fill` to make files in it. */
export type Right = 'read' | 'write' | 'enter' | 'fill';

/** The part of a path at which a user fails, and why. */
export interface Barrier {
  readonly at: string;
  readonly why: 'missing' | 'forbidden';
}

/**
 * The command line that runs a program as that user, by setpriv(1). Only root may do that. A process cannot change its own
 * user here: the Node of Debian 13 refuses setuid(2) since CVE-2024-22017.
 */
export function commandAs({ uid, gid, groups }: Account, program: readonly string[]): readonly [string, string[]] {
  return ['setpriv', [`--reuid=${uid}`, `--regid=${gid}`, `--groups=${groups.join(',')}`, '--', ...program]];
}

const LOOK_MS = 5_000;

/** As test(1) calls it: read, write, or search a folder. */
type Permission = 'r' | 'w' | 'x';

const PERMISSIONS: Readonly<Record<Right, readonly Permission[]>> = {
  read: ['r'],
  write: ['w'],
  enter: ['x'],
  fill: ['w', 'x'],
};
const ASK = 'while [ $# -gt 0 ]; do if [ "-$1" "$2" ]; then echo yes; else echo no; fi; shift 2; done';

/** Looks at paths with the rights of a user: at which part each fails, or null. Only root sees this for another user. */
export function barriersFor(
  account: Account,
  wanted: readonly (readonly [path: string, right: Right])[],
): readonly (Barrier | null)[] {
  const own = process.getuid?.();
  if (account.uid !== own && own !== 0) return wanted.map(() => null);
  const steps = wanted.map(([path, right]) => [
    ...foldersOf(path).map((folder) => ['x', folder] as const),
    ...PERMISSIONS[right].map((permission) => [permission, path] as const),
  ]);
  const ask = ['sh', '-c', ASK, 'sh', ...steps.flat(2)];
  const [program, args] = account.uid === own ? ['sh', ask.slice(1)] : commandAs(account, ask);
  const { stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8', timeout: LOOK_MS, cwd: '/' });
  const answers = (stdout ?? '').split('\n').slice(0, -1);
  if (answers.length !== steps.flat().length) {
    throw new Error(`cannot look as ${account.name}: ${error?.message ?? stderr}`);
  }
  return steps.map((of) => {
    const said = answers.splice(0, of.length);
    const at = of[said.indexOf('no')]?.[1];
    return at === undefined ? null : { at, why: isMissing(at) ? 'missing' : 'forbidden' };
  });
}

/** The folders on the way to a path, the root first. */
function foldersOf(path: string): readonly string[] {
  const folders: string[] = [];
  for (let at = dirname(path); folders.at(-1) !== at; at = dirname(at)) folders.push(at);
  return folders.toReversed();
}

function isMissing(path: string): boolean {
  try {
    statSync(path);
    return false;
  } catch (error) {
    return ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
  }
}

/** The owner and the mode of a file, as ls(1) shows them: `root:root 0600`. */
export function describeMode(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 'missing';
  const name = (database: string, id: number): string =>
    outputOf('getent', [database, `${id}`])?.split(':')[0] ?? `${id}`;
  const mode = (stat.mode % 0o10000).toString(8).padStart(4, '0');
  return `${name('passwd', stat.uid)}:${name('group', stat.gid)} ${mode}`;
}
