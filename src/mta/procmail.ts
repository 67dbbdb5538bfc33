import type { Mistake } from '../toml/type.ts';
import {
  ACCESS,
  BLOCKLIST,
  DOMAINS_FILE,
  formatServer,
  lacksOfSendmail,
  RELAY_HOSTS_ONLY,
  socketFlags,
  VIRTUSER,
} from './sendmail.ts';
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

/**
 * Two Sendmails, as Randolph Langley describes it. One accepts mail and splits it by recipient. The other delivers it, and its
 * virtusertable sends virtual users to procmail. So a user fred of two domains gets both mails.
 */
export const procmail: Mta = {
  protocol: 'netstring',
  tcp: true,
  everyName: { mailbox: 'cyrus', alias: 'virtuser', domain: 'domains' },
  lacks,
  print,
};

/** The pseudo-domain after the virtual domain. It sends a user to procmail. */
const SUFFIX = '.virtuser.';
const RELAY_FILE = '/etc/mail/relay-domains';

function lacks(setting: Setting): Mistake[] {
  const mistakes = lacksOfSendmail(setting);
  const own = setting.mailboxes.find(({ name }) => name === VIRTUSER);
  const isUsable = typeof own?.reply === 'object' && own.reply.text.endsWith(SUFFIX);
  if (isUsable || setting.tables.includes(VIRTUSER)) return mistakes;
  const reply = `reply = { text = "%u@%d${SUFFIX}" }`;
  if (own !== undefined) {
    const reason = `is not user@domain${SUFFIX}, which sends a virtual user to procmail`;
    mistakes.push({ key: `map.${VIRTUSER}.reply`, reason, remedy: add(`[map.${VIRTUSER}]`, reply) });
  } else if (setting.aliases.includes(VIRTUSER)) {
    const reason = 'is "alias", but virtual users need a map of kind "mailbox" or "table" for procmail';
    const remedy = `give that map another name, and ${add(`[map.${VIRTUSER}]`, 'kind = "mailbox"', reply)}`;
    mistakes.push({ key: `map.${VIRTUSER}.kind`, reason, remedy });
  } else {
    const reason = `FEATURE(virtusertable) asks for ${VIRTUSER}, but no map has that name`;
    mistakes.push({ key: 'map', reason, remedy: add(`[map.${VIRTUSER}]`, 'kind = "mailbox"', reply) });
  }
  return mistakes;
}

function print(setting: Setting): Printout {
  return {
    notes: notesOnLists(setting),
    files: [
      {
        name: 'sendmail_in.mc',
        title: '/etc/mail/sendmail_in.mc, for the Sendmail that listens',
        text: incoming(setting),
      },
      {
        name: 'sendmail_out.mc',
        title: '/etc/mail/sendmail_out.mc, for the Sendmail that delivers',
        text: outgoing(setting),
      },
      { name: 'procmailrc', title: '/etc/procmailrc', text: PROCMAILRC },
    ],
    steps: [
      relayDomains(setting),
      virtualDomains(setting),
      `mkdir -p -m 700 ${SCANNER_QUEUE}    # only with MailScanner, and then m4 -DMAILSCANNER`,
      'm4 sendmail_in.mc > /etc/mail/sendmail_in.cf && m4 sendmail_out.mc > /etc/mail/sendmail_out.cf',
      'sendmail -C /etc/mail/sendmail_in.cf -bd && sendmail -C /etc/mail/sendmail_out.cf -q2m',
    ],
    tests: [
      `sendmail -C /etc/mail/sendmail_out.cf -bv ${sample(setting)}    # deliverable: mailer procmail`,
      `swaks --server localhost --quit-after RCPT --to ${sample(setting)}         # 250`,
      `swaks --server localhost --quit-after RCPT --to ${sample(setting, 'nosuchuser')}   # 550 5.1.1`,
    ],
  };
}

/** All domains, and the local_domains of the map. localhost stays a name of this machine. */
function allDomains(setting: Setting): string {
  const local = setting.localDomains.filter((each) => each !== 'localhost').map((each) => `echo ${each} mailbox; `);
  return local.length === 0 ? listDomains(setting) : `{ ${local.join('')}${listDomains(setting)}; }`;
}

/** The command that writes the domains for which the first Sendmail accepts mail. */
function relayDomains(setting: Setting): string {
  return writeDomains(allDomains(setting), '{ print $1 }', RELAY_FILE);
}

/** The command that writes the domains whose users the second Sendmail gives to procmail. */
function virtualDomains(setting: Setting): string {
  const forms = '{ print $1; print $1 ".virtuser"; print $1 ".virtuser." }';
  return writeDomains(allDomains(setting), `$2 != "relay" ${forms}`, DOMAINS_FILE);
}

const START = ["include(`/usr/share/sendmail/cf/m4/cf.m4')dnl", "OSTYPE(`linux')dnl"];
const QUEUE = '/var/spool/mqueue';
const SCANNER_QUEUE = '/var/spool/mqueue.in';

function incoming(setting: Setting): string {
  const { mailbox, server, tables } = setting;
  return textOf(
    'divert(0)dnl',
    'dnl smmap: accepts mail, refuses unknown recipients, and leaves a file for each recipient in the queue.',
    ...notesOnLists(setting).map((note) => `dnl ${note}`),
    ...START,
    'dnl Both use the same queue. With MailScanner, the first one fills a queue of its own, from where MailScanner moves the',
    'dnl mail to the queue of the second one. For that: m4 -DMAILSCANNER sendmail_in.mc > sendmail_in.cf',
    `define(\`SMMAP_QUEUE', ifdef(\`MAILSCANNER', \`${SCANNER_QUEUE}', \`${QUEUE}'))dnl`,
    "define(`QUEUE_DIR', SMMAP_QUEUE)dnl",
    'dnl r=1: one recipient a file. Otherwise, of fred@example.org and fred@example.net in one mail, only one would get it.',
    'dnl F=f: separate processes, R: eight of them.',
    "QUEUE_GROUP(`mqueue', `P=SMMAP_QUEUE, F=f, r=1, R=8, I=2m')dnl",
    'dnl It delivers nothing itself.',
    "define(`confDELIVERY_MODE', `queueonly')dnl",
    "define(`confPID_FILE', `/run/sendmail_in.pid')dnl",
    'dnl The virtual domains are relayed here, not local: no FEATURE(use_cw_file), no VIRTUSER_DOMAIN.',
    `dnl     ${relayDomains(setting)}`,
    `RELAY_DOMAIN_FILE(\`-o ${RELAY_FILE}')dnl`,
    'dnl Without this, it would relay the mail of every subdomain of these domains, and of a domain with RELAY.',
    RELAY_HOSTS_ONLY,
    ...accessDb(setting, tables.includes(ACCESS), '-t '),
    ...(tables.includes(ACCESS) ? BLOCKLIST : []),
    "MAILER(`smtp')dnl",
    '',
    'LOCAL_CONFIG',
    '# Does the mailbox exist? -t and -T: an outage is 451; -a: is appended to an OK; -d: seconds to wait.',
    `K${mailbox} ${socketFlags(setting)} -a<OK> ${formatServer(server)}`,
    '',
    'LOCAL_RULESETS',
    '# At each RCPT, before all other checks. They follow if this check finds nothing wrong.',
    'SLocal_check_rcpt',
    'R$*\t$: $1 $| $>CanonAddr $1',
    'R$* $| $* < @ $+ . >\t$: $1 $| $2 < @ $3 >',
    '# a recipient in one of the relayed domains',
    `R$* $| $+ < @ $=R >\t$: $1 $| <?> $(${mailbox} $2@$3 $: $)`,
    '# NOTFOUND',
    'R$* $| <?>\t$#error $@ 5.1.1 $: "550 User unknown."',
    '# TEMP, TIMEOUT, no server',
    'R$* $| <?> $*<TMPF>\t$#error $@ 4.3.0 $: "451 Temporary system failure. Please try again later."',
    'R$* $| $*\t$: $1',
  );
}

function outgoing(setting: Setting): string {
  return textOf(
    'divert(0)dnl',
    'dnl smmap: delivers the mail of the queue: virtual users by procmail, others elsewhere.',
    ...START,
    `define(\`QUEUE_DIR', \`${QUEUE}')dnl`,
    "define(`confPID_FILE', `/run/sendmail_out.pid')dnl",
    "dnl This is for the proto.m4 that comes with Sendmail, not for the one that `smmap mta sendmail' patches.",
    'dnl The virtual domains, and their forms with the suffix of virtusertable:',
    `dnl     ${virtualDomains(setting)}`,
    `VIRTUSER_DOMAIN_FILE(\`-o ${DOMAINS_FILE}')dnl`,
    'dnl user@domain -> user@domain.virtuser. from smmap. Without -t: while smmap is down, mail stays in the queue.',
    `FEATURE(\`virtusertable', \`${queued(setting)}')dnl`,
    "FEATURE(`always_add_domain')dnl",
    'dnl /etc/mail/local-host-names must have the names of this machine and the virtual domains. So a user who was removed is',
    'dnl unknown. Otherwise the mail would be sent to the MX of the domain, which is this machine.',
    "FEATURE(`use_cw_file')dnl",
    'dnl procmail for virtual users: as the user vmail, with the domain as $1 and the user as $2 of procmailrc.',
    "define(`PROCMAIL_MAILER_PATH', `/usr/bin/procmail, U=vmail:vmail')dnl",
    "define(`PROCMAIL_MAILER_ARGS', `procmail -t -Y -a $h -a $u')dnl",
    "define(`PROCMAIL_MAILER_FLAGS', `l0')dnl",
    'dnl procmail for users of this machine.',
    "FEATURE(`local_procmail', `/usr/bin/procmail', `procmail -t -Y -a $h -d $u')dnl",
    ...accessDb(setting, setting.tables.includes(ACCESS), ''),
    "MAILER(`local')dnl",
    "MAILER(`smtp')dnl",
    "MAILER(`procmail')dnl",
    '',
    'LOCAL_RULE_0',
    '# user@domain.virtuser. goes to procmail',
    'R$* < @ $* .virtuser. > $*\t$#procmail $@ $2 $: $1',
  );
}

function accessDb(setting: Setting, has: boolean, noDefer: string): string[] {
  if (!has) return [];
  const map = noDefer === '' ? queued(setting) : `${socketFlags(setting)} ${formatServer(setting.server)}`;
  return ['dnl Who may send to whom.', `FEATURE(\`access_db', \`${map}')dnl`];
}

function queued({ patienceSeconds, server }: Setting): string {
  return `socket -T<TMPF> -d${patienceSeconds} ${formatServer(server)}`;
}

const PROCMAILRC = textOf(
  "# Debian's procmail is setuid root. Without this line, mailboxes would belong to root.",
  'DROPPRIVS=yes',
  '',
  '# smmap: for virtual users, Sendmail passes the domain and the user. For other users, there is no $2.',
  'DOMAIN=$1',
  'RECIPIENT=$2',
  '# An mbox file for each: /var/spool/vbox/DOMAIN/USER.',
  'ROOTINBOXDIR=/var/spool/vbox',
  '',
  ':0',
  '* RECIPIENT ?? .',
  '{',
  '  # The user alone, without the domain that Sendmail adds. A name that would lead out of the folder does not match.',
  '  VIRTUAL=',
  '  :0',
  '  * ! RECIPIENT ?? ^^\\.',
  '  * ! RECIPIENT ?? /',
  '  * ! DOMAIN ?? ^^\\.',
  '  * ! DOMAIN ?? /',
  '  * RECIPIENT ?? ^^\\/[^@]+',
  '  { VIRTUAL=$MATCH }',
  '',
  '  # The colon at the end: with a lock file. For a Maildir, without a lock file: :0 and $ROOTINBOXDIR/$DOMAIN/$VIRTUAL/',
  '  :0:',
  '  * VIRTUAL ?? .',
  '  $ROOTINBOXDIR/$DOMAIN/$VIRTUAL',
  '',
  '  # The mail could not be written, for example because the folder is missing: it stays in the queue.',
  '  EXITCODE=75',
  '  HOST=failed',
  '}',
);
