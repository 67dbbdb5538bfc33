import { isIP } from 'node:net';
import { type Endpoint, formatEndpoint } from '../endpoint.ts';
import type { DomainClass } from '../vocabulary.ts';
import { type Mta, type Printout, type Setting, sample, textOf } from './setting.ts';

/** Postfix 2.10 or newer, in which socketmap is built in. */
export const postfix: Mta = {
  protocol: 'netstring',
  tcp: true,
  everyName: { mailbox: 'mailbox', alias: 'virtual', domain: 'domains' },
  lacks: () => [],
  print,
};

function print(setting: Setting): Printout {
  const { mailbox, aliases } = setting;
  const text = [head(setting), domains(setting), recipients(setting), access(setting), delivery(setting)].join('\n');
  const map = (name: string): string => mapOf(setting, name);
  const shared = setting.server.kind === 'unix' ? ` ${setting.server.path}` : '';
  return {
    files: [{ name: 'main.cf', title: 'append to /etc/postfix/main.cf', text }],
    tests: [
      `smmap probe --server ${formatEndpoint(setting.server)} --map ${mailbox} ${sample(setting)}`,
      `su -s /bin/sh postfix -c 'postmap -q ${sample(setting)} ${map(mailbox)}'`,
      ...aliases.map((name) => `su -s /bin/sh postfix -c 'postmap -q ${sample(setting, 'info')} ${map(name)}'`),
      ...(shared === '' ? [] : [`namei -l${shared}    # the user postfix must be able to pass every folder`]),
      'postfix check && postfix reload',
      `swaks --server localhost --quit-after RCPT --to ${sample(setting)}         # 250`,
      `swaks --server localhost --quit-after RCPT --to ${sample(setting, 'nobody')}       # 550 5.1.1`,
    ],
  };
}

/** The comment at the top. */
function head(setting: Setting): string {
  const { server, mailbox } = setting;
  const where =
    server.kind === 'tcp'
      ? []
      : [
          '# Every smtpd connects as the user postfix, who needs access to the socket and its folders. If the listener has',
          '# mode = "0660", give it group = "postfix". A chrooted smtpd (fifth column of master.cf) looks for the socket below',
          `# its queue_directory, such as /var/spool/postfix${server.path}. Then let smmap listen there too, or put proxy:`,
          '# before each socketmap:. proxymap is not chrooted, and asks for all smtpd over few connections. All parameters',
          '# below are in the default of proxy_read_maps, so proxymap accepts them.',
          `#     virtual_mailbox_maps = proxy:${mapOf(setting, mailbox)}`,
        ];
  return textOf('# smmap: does this mailbox exist?', ...where);
}

/** The classes of domains. A domain must be in only one class, or Postfix complains in its log. */
function domains(setting: Setting): string {
  const { aliases, defaultDomain } = setting;
  const only = mapOfClass(setting, 'mailbox');
  const any = mapOfClass(setting, null);
  const hosted = only ?? any;
  const ofAliases = mapOfClass(setting, 'alias');
  const [alias] = aliases;
  const relayed = mapOfClass(setting, 'relay');
  return textOf(
    '# Domains whose mailboxes are all in smmap. None of them may be in mydestination: remove it there.',
    ...(hosted === null
      ? [
          '# A map of kind "domain" with class = "mailbox" would know all of them. Without it, list them here.',
          defaultDomain === null
            ? '# Empty, because no map has a default_domain. Without this line, Postfix would ask $virtual_mailbox_maps for domains.'
            : '# (This one is the default_domain of the mailbox map.)',
        ]
      : []),
    ...(only === null && any !== null
      ? [
          '# This map finds domains of every class, so Postfix warns of domains that are in two classes. Give it',
          '# class = "mailbox", and add a map with class = "alias" and one with class = "relay" if you have such domains.',
        ]
      : []),
    hosted === null
      ? `virtual_mailbox_domains = ${defaultDomain ?? ''}`.trimEnd()
      : `virtual_mailbox_domains = ${mapOf(setting, hosted)}`,
    '',
    '# Domains that have aliases only. A recipient there that is not an alias is refused.',
    ...aliasDomains(setting, ofAliases, alias),
    ...(relayed === null
      ? []
      : [
          '',
          '# Domains whose mail goes to another server. Postfix asks for the parent domains too, while',
          '# parent_domain_matches_subdomains has relay_domains.',
          `relay_domains = ${mapOf(setting, relayed)}`,
        ]),
  );
}

function aliasDomains(setting: Setting, ofAliases: string | null, alias: string | undefined): string[] {
  if (ofAliases !== null) {
    return [
      '# Without this line it would be $virtual_alias_maps. A table there with the bare domain as a key would make it a domain',
      '# with aliases only, and its mailboxes would be refused.',
      `virtual_alias_domains = ${mapOf(setting, ofAliases)}`,
    ];
  }
  if (alias !== undefined) {
    return [
      '# smmap replies OK to a bare domain here only if it was added with `smmap domain add --class alias` and has no mailbox.',
      '# So the default, $virtual_alias_maps, is harmless with this map alone. But another table there with the bare domain as',
      '# a key would make it a domain with aliases only. Hence this line.',
      `virtual_alias_domains = ${mapOf(setting, alias)}`,
    ];
  }
  return [
    '# None. Without this line it would be $virtual_alias_maps. A table there with a bare domain as a key would make it a',
    '# domain with aliases only, and its mailboxes would be refused.',
    'virtual_alias_domains =',
  ];
}

/** The recipients. */
function recipients(setting: Setting): string {
  const { mailbox, aliases } = setting;
  const transport = setting.mailboxes.find(({ reply }) => typeof reply !== 'string' && TRANSPORT.test(reply.text));
  return textOf(
    '# Recipients of virtual_mailbox_domains. NOTFOUND is 550 5.1.1, an outage is 451 4.3.0.',
    `virtual_mailbox_maps = ${mapOf(setting, mailbox)}`,
    '',
    '# Recipients of mydestination, and those without a domain, for which Postfix asks user@$myorigin. Make $myorigin the',
    '# default_domain of the map, or one of its local_domains. The aliases(5) of this machine come first.',
    `local_recipient_maps = $alias_maps ${mapOf(setting, mailbox)}`,
    ...(mapOfClass(setting, 'relay') === null
      ? []
      : [
          '',
          '# Recipients of relay_domains. All of them must be in smmap. If they are not, leave this empty; then the next server',
          '# refuses unknown ones: relay_recipient_maps =',
          `relay_recipient_maps = ${mapOf(setting, mailbox)}`,
        ]),
    ...(aliases.length === 0
      ? []
      : [
          '',
          '# Aliases of all domains. They come before mailboxes. Postfix asks again for each target.',
          `virtual_alias_maps = ${aliases.map((name) => mapOf(setting, name)).join(' ')}`,
        ]),
    ...(transport === undefined
      ? []
      : [
          '',
          '# Where each mailbox is delivered. Postfix asks this also for senders and for recipients elsewhere, so no mail goes',
          '# out while smmap is down.',
          `transport_maps = ${mapOf(setting, transport.name)}`,
        ]),
  );
}

/** A text of a mailbox map that Postfix reads as transport:nexthop. */
const TRANSPORT = /^[a-z][\w-]*:/i;

/** What a table is asked for, by a part of its name. */
const CHECKS = [
  [/client/i, 'check_client_access', 'the name and the address of the client'],
  [/helo/i, 'check_helo_access', 'the name that the client gives'],
  [/sender/i, 'check_sender_access', 'the sender'],
  [/recipient|access/i, 'check_recipient_access', 'the recipient'],
] as const;

function access(setting: Setting): string {
  const checks = setting.tables.flatMap((name) => {
    const check = CHECKS.find(([pattern]) => pattern.test(name));
    return check === undefined ? [] : [{ name, what: check[1], whom: check[2] }];
  });
  const others = setting.tables.filter((name) => !checks.some((check) => check.name === name));
  if (setting.tables.length === 0) return '# No map of kind "table": no access restrictions from smmap.\n';
  return textOf(
    ...(others.length === 0
      ? []
      : [`# Not used here, because their names do not say what they are for: ${others.join(', ')}.`]),
    ...(checks.length === 0
      ? []
      : [
          '# Who may send to whom: OK, REJECT and so on of access(5). Postfix asks socket maps only for the whole key, never for',
          '# the domain of an address. They come after reject_unauth_destination, so that an OK in a table cannot open a relay.',
          '# Keep what you already have in this parameter.',
          'smtpd_recipient_restrictions =',
          '    permit_mynetworks',
          '    permit_sasl_authenticated',
          '    reject_unauth_destination',
          ...checks.flatMap(({ name, what, whom }) => [
            `    # ${name}: ${whom}`,
            `    ${what} ${mapOf(setting, name)}`,
          ]),
        ]),
  );
}

function delivery({ lmtp }: Setting): string {
  const where = lmtp.kind === 'unix' ? `lmtp:unix:${lmtp.path}` : `lmtp:inet:${hostOf(lmtp.host)}:${lmtp.port}`;
  return textOf(
    '# Where mailboxes of virtual_mailbox_domains are delivered. For a Unix socket, lmtp in master.cf must not be chrooted.',
    `virtual_transport = ${where}`,
    '',
    '# The same for recipients of mydestination, after aliases(5) and the .forward files of users of this machine.',
    `mailbox_transport = ${where}`,
  );
}

/** The first map of this class. Null: of every class. */
function mapOfClass({ domains: maps }: Setting, wanted: DomainClass | null): string | null {
  return maps.find((map) => map.class === wanted)?.name ?? null;
}

function mapOf({ server }: Setting, name: string): string {
  return `socketmap:${formatServer(server)}:${name}`;
}

function formatServer(server: Endpoint): string {
  return server.kind === 'unix' ? `unix:${server.path}` : `inet:${hostOf(server.host)}:${server.port}`;
}

function hostOf(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host;
}
