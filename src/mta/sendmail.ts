import { type Endpoint, formatEndpoint } from '../endpoint.ts';
import type { Mistake } from '../toml/type.ts';
import { CYRUSV2_PATCH, featureText, protoPatch } from './ruleset.ts';
import {
  type Mta,
  type Printout,
  type Setting,
  add,
  listDomains,
  notesOnLists,
  sample,
  textOf,
  writeDomains,
} from './setting.ts';

/** Sendmail 8.13 or newer, compiled with SOCKETMAP. */
export const sendmail: Mta = {
  protocol: 'netstring',
  tcp: true,
  everyName: { mailbox: 'cyrus', alias: 'virtuser', domain: 'domains' },
  lacks: lacksOfSendmail,
  print,
};

/** The names of the maps of FEATURE(virtusertable) and FEATURE(access_db), by which they ask. */
export const VIRTUSER = 'virtuser';
export const ACCESS = 'access';
export const RELAY_HOSTS_ONLY = "FEATURE(`relay_hosts_only')dnl";
/** Sendmail asks the access table about recipients only with this feature. */
export const BLOCKLIST = [
  'dnl So that the table can refuse recipients: to:user@domain REJECT, or user@domain 550 text. Before 8.16, this feature is',
  'dnl called blacklist_recipients.',
  "FEATURE(`blocklist_recipients')dnl",
];
export const DOMAINS_FILE = '/etc/mail/virtuser-domains';

/** Checks that the name of a mailbox map is possible in a K line and in a rule. */
export function lacksOfSendmail({ mailbox }: Setting): Mistake[] {
  if (/^[a-z]\w*$/i.test(mailbox)) return [];
  return [
    {
      key: `map.${JSON.stringify(mailbox)}`,
      reason: 'Sendmail allows only letters, digits and _ in the name of a map',
      remedy: add('[map.cyrus]', 'kind = "mailbox"'),
    },
  ];
}

function print(setting: Setting): Printout {
  const { mailbox, server, defaultDomain } = setting;
  const [virtuser, access] = [virtuserOf(setting), setting.tables.includes(ACCESS)];
  const notes = notesOn(setting);
  const mc = textOf(
    'dnl smmap: does this mailbox exist? Put these lines after your last FEATURE and before your first MAILER.',
    ...notes.map((note) => `dnl ${note}`),
    '',
    'dnl Users of this machine: aliases(5), then smmap, then the mailer cyrusv2; feature/anfi_vcyrus.m4 has the rules.',
    'dnl Sendmail asks without a domain for all domains of class w, so these users are in the default_domain of the map.',
    "FEATURE(`anfi_vcyrus')dnl",
    '',
    'dnl The virtual domains. They must not be in class w (/etc/mail/local-host-names). Sendmail reads them when it starts:',
    `dnl     ${virtualDomains(setting)}`,
    `VIRTUSER_DOMAIN_FILE(\`-o ${DOMAINS_FILE}')dnl`,
    'dnl Without this, Sendmail would relay the mail of every subdomain of these domains, and of a domain with RELAY.',
    RELAY_HOSTS_ONLY,
    'dnl Domains of class relay: their mail goes to another server, which says which users it has.',
    `dnl     ${relayDomains(setting)}`,
    `RELAY_DOMAIN_FILE(\`-o ${RELAYED_FILE}')dnl`,
    ...(setting.localDomains.length === 0
      ? []
      : [
          'dnl The local_domains of the map: their users are those of its default_domain.',
          `LOCAL_DOMAIN(\`${setting.localDomains.join(' ')}')dnl`,
        ]),
    '',
    ...(virtuser
      ? [
          'dnl Aliases, asked with the domain, before mailboxes. Each has one target; for several, use a name in aliases(5).',
          'dnl -t and the patched proto.m4 make an outage a 451. Without -t, Sendmail would accept everybody and ask later.',
          `FEATURE(\`virtusertable', \`${socketMap(setting)}')dnl`,
        ]
      : [
          'dnl Aliases of the virtual domains, from a file of yours. Its rules also ask smmap for mailboxes of these domains.',
          "FEATURE(`virtusertable', `hash -o /etc/mail/virtusertable')dnl",
        ]),
    '',
    ...(access
      ? [
          'dnl Who may send to whom. With this table, Sendmail sends up to 39 requests for one recipient, over one connection.',
          `FEATURE(\`access_db', \`${socketMap(setting)}')dnl`,
          ...BLOCKLIST,
          '',
        ]
      : []),
    'dnl Delivers what the rules accepted. 8: do not change 8-bit text; m: many recipients at once. Not 5: the rules would ask',
    'dnl again about what they have sent here. The same as cyrusv2.m4.patch.',
    "define(`CYRUSV2_MAILER_FLAGS', `8m')dnl",
    'dnl Without the flag s: it removes the quotes of "john smith"@example.org, and LMTP would not get a valid address.',
    "MODIFY_MAILER_FLAGS(`CYRUSV2', `-s')dnl",
    `define(\`CYRUSV2_MAILER_ARGS', \`${mailerArguments(setting.lmtp)}')dnl`,
    "MAILER(`cyrusv2')dnl",
  );
  // Without a default_domain, the map does not know users without a domain.
  const user = sample(setting);
  const bare = defaultDomain === null ? user : 'fred';
  return {
    files: [
      {
        name: 'anfi_vcyrus.m4',
        title: 'cf/feature/anfi_vcyrus.m4 (Debian: /usr/share/sendmail/cf/feature/)',
        text: featureText(mailbox, `${socketFlags(setting)} -a<OK> ${formatServer(server)}`),
      },
      {
        name: 'proto.m4.patch',
        title: 'patch -p1 < proto.m4.patch, in the folder above cf/ (Debian: /usr/share/sendmail)',
        text: protoPatch(mailbox),
      },
      {
        name: 'cyrusv2.m4.patch',
        title: 'patch -p1 < cyrusv2.m4.patch, in the same folder; not needed with the flags that smmap.mc defines',
        text: CYRUSV2_PATCH,
      },
      { name: 'smmap.mc', title: 'into your .mc file, such as /etc/mail/sendmail.mc', text: mc },
    ],
    steps: [
      virtualDomains(setting),
      relayDomains(setting),
      'm4 /etc/mail/sendmail.mc > /etc/mail/sendmail.cf    # Debian: make -C /etc/mail; then restart Sendmail',
    ],
    tests: [
      `smmap probe --server ${formatEndpoint(server)} --map ${mailbox} ${sample(setting)}`,
      ...(server.kind === 'unix'
        ? [
            `namei -l ${server.path}    # no folder may be writable for group or others, and no part may be a symbolic link`,
          ]
        : []),
      `echo '/map ${mailbox} ${bare}' | sendmail -bt    # returns ${bare}<OK> (0)`,
      `sendmail -bv ${user}    # deliverable: mailer cyrusv2`,
      `swaks --server localhost --quit-after RCPT --to ${sample(setting)}         # 250`,
      `swaks --server localhost --quit-after RCPT --to ${sample(setting, 'nosuchuser')}   # 550 5.1.1`,
    ],
    notes,
  };
}

const RELAYED_FILE = '/etc/mail/smmap-relay-domains';

/** The command that writes the virtual domains. */
function virtualDomains(setting: Setting): string {
  return writeDomains(listDomains(setting), '$2 != "relay" { print $1 }', DOMAINS_FILE);
}

/** The command that writes the domains whose mail goes to another server. */
function relayDomains(setting: Setting): string {
  return writeDomains(listDomains(setting), '$2 == "relay" { print $1 }', RELAYED_FILE);
}

/** Notes on what the lists lack, and on maps that Sendmail does not ask because of their names. */
function notesOn(setting: Setting): string[] {
  const notes = notesOnLists(setting);
  const [alias] = setting.aliases;
  if (!virtuserOf(setting) && alias !== undefined) {
    notes.push(`map.${alias}: FEATURE(virtusertable) asks only for ${VIRTUSER}; rename the map to ${VIRTUSER}`);
  }
  const table = setting.tables.find((name) => name.startsWith(ACCESS));
  if (!setting.tables.includes(ACCESS) && table !== undefined) {
    notes.push(`map.${table}: FEATURE(access_db) asks only for ${ACCESS}; rename the map to ${ACCESS}`);
  }
  if (setting.defaultDomain === null) {
    notes.push(`map.${setting.mailbox}: has no default_domain, so the reply for a user without a domain is TEMP`);
  }
  return notes;
}

function virtuserOf({ aliases, tables, mailboxes, mailbox }: Setting): boolean {
  const others = mailboxes.map(({ name }) => name).filter((name) => name !== mailbox);
  return [...aliases, ...tables, ...others].includes(VIRTUSER);
}

/** A map for a FEATURE. Sendmail asks all maps that have the same address over one connection. */
function socketMap(setting: Setting): string {
  return `${socketFlags(setting)} ${formatServer(setting.server)}`;
}

/** -t: a rule can say 451; -T: the mark for that rule; -d: seconds to wait for a reply. No reply comes later. */
export function socketFlags({ patienceSeconds }: Setting): string {
  return `socket -t -T<TMPF> -d${patienceSeconds}`;
}

/** The server as Sendmail writes it: without brackets, because with them it never connects. */
export function formatServer(server: Endpoint): string {
  if (server.kind === 'unix') return `local:${server.path}`;
  return `${server.host.includes(':') ? 'inet6' : 'inet'}:${server.port}@${server.host}`;
}

function mailerArguments(lmtp: Endpoint): string {
  if (lmtp.kind === 'unix') return `FILE ${lmtp.path}`;
  const host = lmtp.host.includes(':') ? `[IPv6:${lmtp.host}]` : lmtp.host;
  return `TCP ${/^[\d.]+$/.test(host) ? `[${host}]` : host} ${lmtp.port}`;
}
