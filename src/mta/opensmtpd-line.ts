import type { Mistake } from '../toml/type.ts';
import { placeOf } from './opensmtpd.ts';
import {
  type MailboxMap,
  type Mta,
  type Printout,
  type Setting,
  add,
  listDomains,
  notesOnLists,
  textOf,
  writeDomains,
} from './setting.ts';

/** OpenSMTPD up to 7.5, with table-socketmap of opensmtpd-extras. It sends a line for each request, and only over a Unix socket. */
export const opensmtpdLine: Mta = {
  protocol: 'line',
  tcp: false,
  everyName: { mailbox: 'mailbox', alias: 'virtual', domain: 'domains' },
  lacks,
  print,
};

/** uid:gid:home, which OpenSMTPD reads as a user. */
const USER = /^\d+:\d+:\//;

function isUserbase({ reply }: MailboxMap): boolean {
  return reply === 'value' || (typeof reply !== 'string' && USER.test(reply.text));
}

function lacks({ mailboxes }: Setting): Mistake[] {
  const users = mailboxes.find(isUserbase);
  const domain = 'default_domain = "example.org"';
  if (users === undefined) {
    const reason =
      'no mailbox map replies uid:gid:home, which OpenSMTPD reads as a user (with reply = "value" each mailbox has its own)';
    const remedy = add('[map.userbase]', 'kind = "mailbox"', domain, 'reply = { text = "8:8:/" }');
    return [{ key: 'map', reason, remedy }];
  }
  if (users.defaultDomain !== null) return [];
  const reason = 'has no default_domain, but OpenSMTPD asks for users without a domain';
  return [{ key: `map.${users.name}`, reason, remedy: add(`[map.${users.name}]`, domain) }];
}

function print(setting: Setting): Printout {
  const { aliases, mailboxes, server, lmtp } = setting;
  const { name: users, defaultDomain, reply } = mailboxes.find(isUserbase) as MailboxMap; // lacks() has found it
  const local = setting.localDomains.filter((each) => each !== 'localhost'); // users of the machine
  const usersDomains = [defaultDomain as string, ...local];
  const virtual = mailboxes.find((each) => typeof each.reply !== 'string' && NAME.test(each.reply.text));
  const [alias] = aliases;
  const path = server.kind === 'unix' ? server.path : '';
  const maps = [users, ...(virtual === undefined ? [] : [virtual.name]), ...(alias === undefined ? [] : [alias])];
  const text = textOf(
    '# smmap: does this mailbox exist? smmap must listen before smtpd starts, or smtpd ends. smtpd connects only once: restart',
    '# it when it says "socketmap has lost its socket". Each table has the name of its map.',
    ...notesOnLists(setting).map((note) => `# ${note}`),
    ...maps.map((name) => `table "${name}" socketmap:${path}`),
    '',
    '# Users of the default domain, and of local_domains without localhost. smtpd asks without the domain and the detail.',
    '# NOTFOUND is 550, TEMP is 451. The map replies uid:gid:home. smtpd looks for a .forward there, and defers (424) if others',
    '# can write in that folder, as in /tmp.',
    '# With rcpt-to, the LMTP server gets the address with its detail and domain.',
    `action "smmap_users" lmtp "${placeOf(lmtp)}" rcpt-to userbase <"${users}">`,
    `match from any for domain { ${usersDomains.map((each) => `"${each}"`).join(', ')} } action "smmap_users"`,
    ...(virtual === undefined ? [] : virtualMailboxes(setting, virtual, usersDomains)),
    ...(alias === undefined ? [] : virtualAliases(setting, alias)),
  );
  const probe = `smmap probe --protocol line --server unix:${path}`;
  return {
    notes: notesOnLists(setting),
    files: [
      {
        name: 'smtpd.conf',
        title: 'into /etc/smtpd.conf (OpenBSD: /etc/mail/smtpd.conf), before the first match',
        text,
      },
    ],
    tests: [
      `${probe} --map ${users} fred    # OK ${typeof reply === 'string' ? 'uid:gid:home' : reply.text}`,
      `namei -l ${path}    # the user opensmtpd must be able to pass every folder`,
      'smtpd -n    # configuration OK',
      `swaks --server localhost --quit-after RCPT --to fred@${defaultDomain}         # 250`,
      `swaks --server localhost --quit-after RCPT --to nosuchuser@${defaultDomain}   # 550`,
    ],
  };
}

/** The name of a user. */
const NAME = /^[a-z_][\w-]*$/;

function virtualMailboxes(setting: Setting, { name, reply }: MailboxMap, usersDomains: readonly string[]): string[] {
  const user = typeof reply === 'string' ? reply : reply.text;
  return [
    '',
    '# Mailboxes of other domains. smtpd asks for user+detail@domain, user@domain, user+detail, user, @domain and @. If all are',
    '# NOTFOUND, that is 524; TEMP is 424. A name alone must find nobody, so the map needs a default_domain without a mailbox:',
    '# default_domain = "invalid". The map replies one user for all, who is defined here.',
    ...listOf(
      setting,
      ['$2 != "alias"', '$2 != "relay"', ...usersDomains.map((each) => `$1 != "${each}"`)].join(' && '),
      MAILBOX_DOMAINS,
    ),
    `table smmap_mailbox_domains file:${MAILBOX_DOMAINS}`,
    `table smmap_user { ${user} = "8:8:/" }`,
    `action "smmap_mailboxes" lmtp "${placeOf(setting.lmtp)}" rcpt-to virtual <"${name}"> userbase <smmap_user>`,
    'match from any for domain <smmap_mailbox_domains> action "smmap_mailboxes"',
  ];
}

function virtualAliases(setting: Setting, alias: string): string[] {
  return [
    '',
    '# Domains that have aliases only. smtpd asks in the same way; 524 if all are NOTFOUND. Set default_domain as above.',
    '# Each target goes through these rules again. An address that stands for itself is a loop: 524.',
    ...listOf(setting, '$2 == "alias"', DOMAINS),
    `table smmap_domains file:${DOMAINS}`,
    `action "smmap_virtual" lmtp "${placeOf(setting.lmtp)}" rcpt-to virtual <"${alias}">`,
    'match from any for domain <smmap_domains> action "smmap_virtual"',
  ];
}

/** A comment that shows how to make a list of domains. */
function listOf(setting: Setting, condition: string, file: string): string[] {
  return [
    '# A table on a socket cannot be a list of domains (451). So make this file, which must exist and not be empty:',
    `#     ${writeDomains(listDomains(setting), `${condition} { print $1 }`, file)}`,
  ];
}

/** In the folder of smmap: Debian has no /etc/mail, and OpenBSD keeps its own lists there. */
const MAILBOX_DOMAINS = '/etc/smmap/opensmtpd-mailbox-domains';
const DOMAINS = '/etc/smmap/opensmtpd-alias-domains';
