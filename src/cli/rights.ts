import { spawnSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
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

/** Makes this process one of that user, for good. Only root may do that. */
export function become({ uid, gid, groups }: Account): void {
  process.setgroups?.([...groups]);
  process.setgid?.(gid);
  process.setuid?.(uid);
}

const LOOK_MS = 5_000;

/** Looks at paths with the rights of a user: at which part each fails, or null. Only root sees this for another user. */
export function barriersFor(
  account: Account,
  wanted: readonly (readonly [path: string, right: Right])[],
): readonly (Barrier | null)[] {
  if (account.uid === process.getuid?.() || wanted.length === 0) return wanted.map((each) => barrierOf(...each));
  if (process.getuid?.() !== 0) return wanted.map(() => null);
  const work = `
    const { become, barrierOf } = await import(${JSON.stringify(import.meta.url)});
    become(${JSON.stringify(account)});
    console.log(JSON.stringify(${JSON.stringify(wanted)}.map((each) => barrierOf(...each))));
  `;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', work], {
    encoding: 'utf8',
    timeout: LOOK_MS,
    cwd: '/',
  });
  if (stdout === '') throw new Error(`cannot look as ${account.name}: ${stderr}`);
  return JSON.parse(stdout) as readonly (Barrier | null)[];
}

const MODES = {
  read: constants.R_OK,
  write: constants.W_OK,
  enter: constants.X_OK,
  fill: constants.W_OK | constants.X_OK,
} as const;

/** The same for this process and one path. */
export function barrierOf(path: string, right: Right): Barrier | null {
  const parts: string[] = [];
  for (let at = dirname(path); parts.at(-1) !== at; at = dirname(at)) parts.push(at);
  for (const folder of parts.toReversed()) {
    const code = failureAt(folder, constants.X_OK);
    if (code !== null) return { at: folder, why: code };
  }
  const code = failureAt(path, MODES[right]);
  return code === null ? null : { at: path, why: code };
}

function failureAt(path: string, mode: number): Barrier['why'] | null {
  try {
    accessSync(path, mode);
    return null;
  } catch (error) {
    return ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '') ? 'missing' : 'forbidden';
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
