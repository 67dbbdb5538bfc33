import { execFileSync } from 'node:child_process';
import { lutimesSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './tree.ts';

/** What all packages of one commit share. */

export const MAINTAINER = 'The smmap authors <smmap@smmap.invalid>';

/** The time of all files: when the commit was made, in seconds since 1970. */
export const madeAt = Number(
  process.env['SOURCE_DATE_EPOCH'] ??
    execFileSync('git', ['log', '-1', '--format=%ct'], { cwd: ROOT, encoding: 'utf8' }),
);

/** The day of that, for the manual. */
export const date = new Date(madeAt * 1_000).toISOString().slice(0, 10);

export const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };

/** Runs a program in a folder. Returns what it printed. */
export function outputOf(cwd: string, program: string, ...args: string[]): string {
  return execFileSync(program, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, SOURCE_DATE_EPOCH: `${madeAt}` },
    maxBuffer: 1 << 28,
  });
}

/** The changes of this version, a text for each. */
export function changes(): readonly string[] {
  const [, newest = ''] = readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf8').split(/^## .*$/m);
  return newest
    .trim()
    .split(/\n(?=- )/)
    .map((item) => item.slice(2).replaceAll(/\s+/g, ' '));
}

/** Replaces each `@field@` of a template. */
export function fill(template: string, fields: Readonly<Record<string, string>>): string {
  return template.replaceAll(/@(\w+)@/g, (_, field: string) => {
    const value = fields[field];
    if (value === undefined) throw new Error(`nothing for @${field}@`);
    return value;
  });
}

/** Everything in a folder, sorted. */
export function allIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted();
}

/** Gives everything in a folder, and the folder, the time of the commit. */
export function setTimes(folder: string): void {
  for (const path of ['', ...allIn(folder)]) lutimesSync(join(folder, path), madeAt, madeAt);
}

/** Removes the packages of one kind, such as `.deb`, that an earlier version left in build/: a pattern would name both. */
export function removeEarlier(end: string): void {
  const folder = join(ROOT, 'build');
  for (const name of readdirSync(folder)) if (name.endsWith(end)) rmSync(join(folder, name));
}
