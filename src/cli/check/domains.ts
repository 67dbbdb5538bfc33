import { foldedDomain } from '../../address/address.ts';
import { unicodeOf } from '../../address/domain.ts';
import type { Config } from '../../config/config.ts';
import { alias } from '../../map/alias.ts';
import { aliasDomainsOf, domainsOf, optionsOf } from '../../map/kinds.ts';
import { mailbox } from '../../map/mailbox.ts';
import { formatOwner } from '../../record/owner.ts';
import type { StoreConfig } from '../../store/driver.ts';
import { driverOf } from '../../store/drivers.ts';
import { StoreError } from '../../store/store.ts';
import { NOBODY } from '../../vocabulary.ts';
import { type Finding, warning } from '../finding.ts';

/** Domains of the maps that Postfix asks for by the name of another one, so that their mail would be refused. */
export function findFolded(maps: Config['maps']): Finding[] {
  return [...maps].flatMap(([name, map]) => {
    const known = domainsOf(map);
    const localDomains = (optionsOf(map, mailbox) ?? optionsOf(map, alias))?.localDomains;
    return [...known].flatMap((domain) => {
      const asked = foldedDomain(domain);
      if (asked === null || known.has(asked)) return [];
      const written = unicodeOf(domain) ?? domain;
      const reason = `Postfix asks for ${unicodeOf(asked) ?? asked} instead of ${written}, because it folds case, and does not find its mailboxes`;
      const spelled = JSON.stringify(unicodeOf(asked) ?? asked);
      const target = aliasDomainsOf([map]).get(domain) ?? domain;
      const remedy = localDomains?.has(domain)
        ? `add ${spelled} to local_domains`
        : `add alias_domains = { ${spelled} = ${JSON.stringify(unicodeOf(target) ?? target)} }`;
      return [warning({ where: `map ${name}`, reason, remedy })];
    });
  });
}

/** Mailboxes of alias domains, in the stores that smmap can list: no map asks for them. */
export async function findHidden({ maps, stores }: Pick<Config, 'maps' | 'stores'>): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [name, map] of maps) {
    const aliasDomains = optionsOf(map, mailbox)?.aliasDomains ?? new Map<string, string>();
    for (const store of aliasDomains.size === 0 ? [] : map.stores) {
      for (const [domain, hidden] of await mailboxesIn(aliasDomains, stores.get(store) as StoreConfig)) {
        const reason = `never finds ${hidden} of store ${store}, because alias_domains has ${domain}`;
        const remedy = `remove ${domain} from alias_domains, or move its own mailboxes`;
        findings.push(warning({ where: `map ${name}`, reason, remedy }));
      }
    }
  }
  return findings;
}

/** One mailbox in each of these domains that has one. A store that cannot be read is not a mistake of the configuration. */
async function mailboxesIn(
  domains: ReadonlyMap<string, string>,
  store: StoreConfig,
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  const { records } = driverOf(store);
  if (records === undefined || records.missing(store) !== null) return found;
  try {
    for await (const record of records.all(store, 'mailbox', '')) {
      if (record.about !== 'mailbox' || !domains.has(record.domain) || found.has(record.domain)) continue;
      if (record.local === NOBODY) continue; // the shared folders of the domain, if it has any
      found.set(record.domain, formatOwner(record.local, record.domain));
    }
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
  }
  return found;
}
