import { outputOf } from '../system.ts';
import type { DomainList } from './domains.ts';
import { filesWith, textOf, withIncluded } from './edit.ts';

/** Lines of Exim's configuration that name another file. */
export const INCLUDE = /^\s*\.include(?:_if_exists)?\s+(\S+)/gm;
/** The commands that change those files of the configuration that have a text. */
export type Edit = (file: string, text: string, change: string) => readonly string[];

/**
 * The domains of the routers that ask for a map. Exim itself looks into the list. Null: such a router takes every domain.
 */
export function domainsFor(map: string, program: string, config: string, file: string, edit: Edit): DomainList | null {
  const routers = config.split('\nbegin ').find((section) => section.startsWith('routers')) ?? '';
  const asking = routers
    .split(/^\s*(?=\w+:\s*$)/m)
    .find((router) => [...router.matchAll(/=\s*(\S+) \$\{lc:\$local_part\}@/g)].some((each) => each[1] === map));
  const domains = /^\s*domains\s*=\s*(.*)$/m.exec(asking ?? '')?.[1];
  if (domains === undefined) return null;
  const has = (domain: string): boolean =>
    outputOf(program, ['-be', `\${if match_domain{${domain}}{${domains}}{yes}{no}}`])?.trim() !== 'no';
  const [, name = ''] = /^\+(\w+)$/.exec(domains) ?? [];
  const settings = ['SMMAP_DOMAINS =', `domainlist ${name} =`];
  const files = withIncluded(file, INCLUDE);
  const setting = settings.find((each) => files.some((path) => `\n${textOf(path)}`.includes(`\n${each}`)));
  // A list that begins with < has another separator.
  const add = (missing: readonly string[]): readonly string[] =>
    setting === undefined || filesWith(files, `${setting} <`).length > 0
      ? []
      : edit(file, setting, `sed -i 's#^${setting} *#&${missing.map((each) => `${each} : `).join('')}#'`);
  return { where: `domains = ${domains}`, has, add };
}
