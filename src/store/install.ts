import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { MissingPackageError } from './store.ts';

/** The command that installs or rebuilds a package where this smmap finds it: beside a global smmap, or below its folder. */
export function npmCommand(verb: 'install' | 'rebuild', name: string, own = fileURLToPath(import.meta.url)): string {
  const [, prefix] = /^(.*)\/lib\/node_modules\/smmap\//.exec(own) ?? [];
  if (prefix !== undefined) return `npm ${verb} --global --prefix ${prefix || '/'} ${name}`;
  const [, folder] = /^(.*?)\/(?:node_modules\/smmap\/)?(?:src|dist)\/[^/]+\/[^/]*$/.exec(own) ?? [];
  return `npm ${verb} --prefix ${folder ?? '.'} ${name}`;
}

/** An error of loading a package, with what to install. */
export function cannotLoad(name: string, cause: Error): MissingPackageError {
  const flaw = isAbsent(name, cause) ? 'is not installed' : `cannot be loaded (${cause.message.split('\n')[0]})`;
  const part = compiledPartOf(cause);
  const wanted = part === null ? name : `${part}@${versionOf(name)}`; // npm left it out, as with --omit=optional
  return new MissingPackageError(`the package ${name} ${flaw}: ${npmCommand('install', wanted)}`, { cause });
}

/** Whether an error says that a package is not installed. */
export function isAbsent(name: string, cause: Error): boolean {
  const { code = '' } = cause as NodeJS.ErrnoException; // by import, or by require
  return /^(?:ERR_)?MODULE_NOT_FOUND$/.test(code) && cause.message.includes(`'${name}'`);
}

/** The package that has the compiled part, if an error of lmdb says that it is missing. */
export function compiledPartOf({ message }: Error): string | null {
  return /^No native build was found [^]*\band package: (\S+)/.exec(message)?.[1] ?? null;
}

/** The version of a package of npm as it is installed. Throws if it is not. */
export function versionOf(name: string): string {
  const [folder = ''] =
    new RegExp(`^.*/node_modules/${name}/`).exec(createRequire(import.meta.url).resolve(name)) ?? [];
  return (JSON.parse(readFileSync(`${folder}package.json`, 'utf8')) as { version: string }).version;
}
