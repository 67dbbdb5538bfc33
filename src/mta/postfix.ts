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
      ...(shared === '' ? [] : [`namei -l${shared}    # every folder has to let the user postfix pass`]),
      'postfix check && postfix reload',
      `swaks --server localhost --quit-after RCPT --to ${sample(setting)}         # 250`,
      `swaks --server localhost --quit-after RCPT --to ${sample(setting, 'nobody')}       # 550 5.1.1`,
    ],
  };
}

/** What is said of the maps as a whole. */
function head(setting: Setting): string {
  const { server, mailbox } = setting;
  const where =
    server.kind === 'tcp'
      ? []
      : [
          '# Every smtpd connects as the user postfix: the socket and its folders have to let him. With mode = "0660" of the',
          '# listener that is group = "postfix" there. An smtpd that is chrooted (fifth column of master.cf) looks for the',
          `# socket below its queue_directory, such as /var/spool/postfix${server.path}: let smmap listen there too, or`,
          '# put proxy: before each socketmap:, so that proxymap, which is not chrooted, asks for all of them over few',
          '# connections. All parameters below are in the default of proxy_read_maps, without which proxymap refuses them.',
          `#     virtual_mailbox_maps = proxy:${mapOf(setting, mailbox)}`,
        ];
  return textOf('# smmap: does this mailbox exist?', ...where);
}

/** Which domains are whose. A domain has to be in one class only, or Postfix complains in its log. */
function domains(setting: Setting): string {
  const { aliases, defaultDomain } = setting;
  const only = mapOfClass(setting, 'mailbox');
  const any = mapOfClass(setting, null);
  const hosted = only ?? any;
  const ofAliases = mapOfClass(setting, 'alias');
  const [alias] = aliases;
  const relayed = mapOfClass(setting, 'relay');
  return textOf(
    '# Domains of which all mailboxes are in smmap. None of them may be in mydestination: take it out there.',
    ...(hosted === null
      ? [
          '# A map of kind "domain" with class = "mailbox" would tell them all: without one they have to stand here.',
          defaultDomain === null
            ? '# Empty, since no map has a default_domain; left out, it would be $virtual_mailbox_maps, asked for domains.'
            : '# (This one is the default_domain of the mailbox map.)',
        ]
      : []),
    ...(only === null && any !== null
      ? [
          '# This map answers domains of every class, so that Postfix warns of domains that are in two: give it',
          '# class = "mailbox", and have a map with class = "alias" and one with class = "relay" where there are such.',
        ]
      : []),
    hosted === null
      ? `virtual_mailbox_domains = ${defaultDomain ?? ''}`.trimEnd()
      : `virtual_mailbox_domains = ${mapOf(setting, hosted)}`,
    '',
    '# Domains that have aliases only: a recipient there that is no alias is refused.',
    ...aliasDomains(setting, ofAliases, alias),
    ...(relayed === null
      ? []
      : [
          '',
          '# Domains that go on to another server. Postfix asks for the parent domains too, as long as',
          '# parent_domain_matches_subdomains has relay_domains in it.',
          `relay_domains = ${mapOf(setting, relayed)}`,
        ]),
  );
}

function aliasDomains(setting: Setting, ofAliases: string | null, alias: string | undefined): string[] {
  if (ofAliases !== null) {
    return [
      '# Left out, it would be $virtual_alias_maps: any table there with the bare domain as a key would then turn the domain',
      '# into one of aliases only, whose mailboxes are refused.',
      `virtual_alias_domains = ${mapOf(setting, ofAliases)}`,
    ];
  }
  if (alias !== undefined) {
    return [
      '# smmap says OK to a bare domain here only where it was written as `smmap domain add --class alias` and has no mailbox.',
      '# So the default, $virtual_alias_maps, is harmless with this map alone; but any other table there with the bare',
      '# domain as a key would turn the domain into one of aliases only. Hence this line.',
      `virtual_alias_domains = ${mapOf(setting, alias)}`,
    ];
  }
  return [
    '# None. Left out, it would be $virtual_alias_maps, and a table there with a bare domain as a key would turn the domain',
    '# into one of aliases only, whose mailboxes are refused.',
    'virtual_alias_domains =',
  ];
}

/** Which recipients there are. */
function recipients(setting: Setting): string {
  const { mailbox, aliases } = setting;
  const transport = setting.mailboxes.find(({ reply }) => typeof reply !== 'string' && TRANSPORT.test(reply.text));
  return textOf(
    '# Recipients of virtual_mailbox_domains: whoever is NOTFOUND is 550 5.1.1, an outage is 451 4.3.0.',
    `virtual_mailbox_maps = ${mapOf(setting, mailbox)}`,
    '',
    '# Recipients of mydestination, and those without a domain, who are asked for as user@$myorigin: make $myorigin the',
    '# default_domain of the map, or one of its local_domains. First come the aliases(5) of this machine.',
    `local_recipient_maps = $alias_maps ${mapOf(setting, mailbox)}`,
    ...(mapOfClass(setting, 'relay') === null
      ? []
      : [
          '',
          '# Recipients of relay_domains. Every one has to be in smmap; where it does not know them, leave this empty, and the',
          '# next server refuses them: relay_recipient_maps =',
          `relay_recipient_maps = ${mapOf(setting, mailbox)}`,
        ]),
    ...(aliases.length === 0
      ? []
      : [
          '',
          '# Aliases of all domains, which come before mailboxes. Postfix asks again for each target.',
          `virtual_alias_maps = ${aliases.map((name) => mapOf(setting, name)).join(' ')}`,
        ]),
    ...(transport === undefined
      ? []
      : [
          '',
          '# Where each mailbox is delivered to. Postfix asks this also for senders and for recipients elsewhere, so that',
          '# nothing goes out while smmap is down.',
          `transport_maps = ${mapOf(setting, transport.name)}`,
        ]),
  );
}

/** A text of a mailbox map that Postfix takes for a transport and where it leads. */
const TRANSPORT = /^[a-z][\w-]*:/i;

/** By what a table's name contains: whom it is asked for. */
const CHECKS = [
  [/client/i, 'check_client_access', 'the name and the address of the client'],
  [/helo/i, 'check_helo_access', 'what the client calls itself'],
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
      : [`# Not used here, since their names say of no access table whom it is for: ${others.join(', ')}.`]),
    ...(checks.length === 0
      ? []
      : [
          '# Who may send to whom: OK, REJECT and so on of access(5). Socket maps are asked for the whole key only, never for',
          '# the domain of an address. They come behind reject_unauth_destination, so that an OK in a table opens no relay; what',
          '# you have in this parameter already has to be kept.',
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
    '# Where mailboxes of virtual_mailbox_domains are delivered to. The lmtp of master.cf may not be chrooted for a Unix socket.',
    `virtual_transport = ${where}`,
    '',
    '# The same for recipients of mydestination, behind aliases(5) and .forward files of users of this machine.',
    `mailbox_transport = ${where}`,
  );
}

/** The first map of this class; null of every class. */
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
