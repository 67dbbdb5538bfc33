import type { Config } from '../../config/config.ts';
import { aliasDomainsOf } from '../../map/kinds.ts';
import { EXIT } from '../error.ts';
import { type Finding, mistake } from '../finding.ts';
import type { Asked } from './asked.ts';

/** The domains for which a mail server asks a map. */
export interface DomainList {
  /** Its name in the configuration of the mail server. */
  readonly where: string;
  readonly has: (domain: string) => boolean;
  /** The commands that add domains. */
  readonly add: (domains: readonly string[]) => readonly string[];
}

/**
 * Domains that smmap knows by alias_domains, but for which a mail server does not take mail. A map without a list, or whose list
 * cannot be read, is passed over.
 */
export function checkAliasDomains(
  name: string,
  config: Config,
  asked: readonly Asked[],
  listFor: (map: string) => DomainList | null,
): Finding[] {
  const told = new Set<string>();
  return [...config.maps].flatMap(([map, kind]) => {
    const domains = [...aliasDomainsOf([kind]).keys()].filter((domain) => !told.has(domain));
    const list = domains.length > 0 && asked.some((each) => each.map === map) ? listFor(map) : null;
    const missing = domains.filter((domain) => list?.has(domain) === false);
    if (list === null || missing.length === 0) return [];
    for (const domain of missing) told.add(domain);
    const reason = `does not have ${missing.join(', ')} (alias_domains of the map ${map}), so ${name} refuses or relays their mail`;
    const commands = list.add(missing);
    return [mistake(EXIT.CONFIG, { where: `${name}: ${list.where}`, reason, remedy: 'add them', commands })];
  });
}
