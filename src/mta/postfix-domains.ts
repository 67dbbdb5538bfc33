import type { DomainClass } from '../vocabulary.ts';
import { extend } from './postconf.ts';
import { type Step, isLocal, spellingsOf, tableOf } from './postfix-step.ts';
import type { Setting } from './setting.ts';

/** The classes of domains. A domain must be in only one class, or Postfix complains in its log. */
export function domains(setting: Setting): Step[] {
  const { aliases, aliasDomains, defaultDomain, postconf } = setting;
  const only = mapOfClass(setting, 'mailbox');
  const any = mapOfClass(setting, null);
  const hosted = only ?? any;
  const steps: Step[] = [];
  const listed = spellingsOf(setting).filter((name) => !isLocal(setting, name));
  if (isLocal(setting, defaultDomain)) steps.push({ about: aboutLocal(setting) });
  if (hosted !== null) {
    const about = ['Domains whose mailboxes are all in smmap. A domain that is in mydestination too stays local.'];
    if (only === null) {
      about.push(
        'This map finds domains of every class, so Postfix warns of domains that are in two classes. Give it',
        'class = "mailbox", and add a map with class = "alias" and one with class = "relay" if you have such domains.',
      );
    }
    if (aliasDomains.size > 0) about.push(`Give this map the same alias_domains as the others (map.${hosted}).`);
    steps.push({ about, change: extend(postconf, 'virtual_mailbox_domains', [tableOf(setting, hosted)]) });
  } else if (listed.length > 0) {
    const about = [
      'Domains whose mailboxes are all in smmap: here the default_domain and the alias_domains. Add your others, or let',
      'Postfix ask for them: a map of kind "domain" with class = "mailbox" knows all of them.',
    ];
    steps.push({ about, change: extend(postconf, 'virtual_mailbox_domains', listed) });
  } else if (postconf === null || postconf.raw('virtual_mailbox_domains') === '$virtual_mailbox_maps') {
    const about = [
      'Domains whose mailboxes are all in smmap: write yours instead of example.org. By default, Postfix asks',
      'virtual_mailbox_maps for domains too. The map of smmap there has only addresses, so all mail would be deferred. With a',
      'map of kind "domain" and class = "mailbox", smmap mta prints what asks smmap for its domains.',
    ];
    steps.push({ about, change: extend(postconf, 'virtual_mailbox_domains', ['example.org']) });
  } else {
    steps.push({
      about: [
        'No map of kind "domain" says which domains have their mailboxes in smmap, so virtual_mailbox_domains stays as it is.',
        'Add a map of kind "domain" with class = "mailbox", or list your domains there.',
      ],
    });
  }

  const ofAliases = mapOfClass(setting, 'alias');
  if (ofAliases !== null) {
    const about = ['Domains that have aliases only. A recipient there that is not an alias is refused.'];
    steps.push({ about, change: extend(postconf, 'virtual_alias_domains', [tableOf(setting, ofAliases)]) });
  } else if (aliases.length > 0) {
    const about = [
      'Domains that have aliases only are in virtual_alias_domains. Its default, $virtual_alias_maps, asks the aliases of smmap',
      'too: OK to a bare domain that was added with `smmap domain add --class alias` and has no mailbox.',
    ];
    steps.push({ about });
  }
  const relayed = mapOfClass(setting, 'relay');
  if (relayed !== null) {
    const about = [
      'Domains whose mail goes to another server. Postfix asks for the parent domains too, while',
      'parent_domain_matches_subdomains has relay_domains.',
    ];
    steps.push({ about, change: extend(postconf, 'relay_domains', [tableOf(setting, relayed)]) });
  }
  return steps;
}

function aboutLocal({ defaultDomain, postconf }: Setting): string[] {
  const now = postconf?.raw('mydestination') ?? '';
  const others = now
    .split(/[\s,]+/)
    .filter((item) => item !== '' && item.toLowerCase() !== defaultDomain?.toLowerCase());
  return [
    `${defaultDomain} is in mydestination, which comes first. So it stays a domain of this machine: its users and aliases(5)`,
    'keep their mail, and smmap is asked for everybody else (local_recipient_maps, below).',
    `now: mydestination = ${now}`,
    `If all mailboxes of ${defaultDomain} are in smmap, take it out of there. Users of this machine have no mail there then:`,
    `    postconf -e 'mydestination = ${others.join(', ')}'`,
  ];
}

/** The first map of this class. Null: of every class. */
export function mapOfClass({ domains: maps }: Setting, wanted: DomainClass | null): string | null {
  return maps.find((map) => map.class === wanted)?.name ?? null;
}
