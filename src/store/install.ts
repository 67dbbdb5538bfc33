import { fileURLToPath } from 'node:url';

/** The command that installs or rebuilds a package where this smmap finds it: beside a global smmap, or below its folder. */
export function npmCommand(verb: 'install' | 'rebuild', name: string, own = fileURLToPath(import.meta.url)): string {
  const [, prefix] = /^(.*)\/lib\/node_modules\/smmap\//.exec(own) ?? [];
  if (prefix !== undefined) return `npm ${verb} --global --prefix ${prefix || '/'} ${name}`;
  const [, folder] = /^(.*?)\/(?:node_modules\/smmap\/)?(?:src|dist)\/store\/[^/]*$/.exec(own) ?? [];
  return `npm ${verb} --prefix ${folder ?? '.'} ${name}`;
}
