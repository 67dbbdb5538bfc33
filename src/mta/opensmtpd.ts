import { type Endpoint, formatEndpoint } from '../endpoint.ts';
import { OWN_MAILBOX } from '../vocabulary.ts';
import { type Mta, type Printout, type Setting, sample, textOf } from './setting.ts';

/** OpenSMTPD 7.6 and newer, which starts a program for each table: `smmap table-opensmtpd`. */
export const opensmtpd: Mta = {
  protocol: 'netstring',
  tcp: true,
  everyName: { mailbox: 'mailbox', alias: 'virtuser', domain: 'domains' },
  lacks: () => [],
  print,
};

function print(setting: Setting): Printout {
  const { aliases, mailbox, domains, server, lmtp } = setting;
  const place = server.kind === 'unix' ? server.path : formatEndpoint(server);
  const [alias] = aliases;
  const own = domains.filter((each) => each.class === 'mailbox' || each.class === 'alias').map(({ name }) => name);
  const maps = [...(alias === undefined ? [] : [alias]), mailbox, ...own];
  const text = textOf(
    '# smmap: does this mailbox exist? Each table asks the map that has its name, through table-smmap. NOTFOUND is 550, TEMP is',
    '# 451. smmap may start later than smtpd, and be restarted.',
    ...maps.map((name) => `table "${name}" smmap:${place}`),
    '',
    '# The mail of all mailboxes goes to the LMTP server as the user mail (8:8), with its address, detail included.',
    `table smmap_anybody { "@" = "${OWN_MAILBOX}" }`,
    `table smmap_owner { "${OWN_MAILBOX}" = "8:8:/" }`,
    ...(alias === undefined ? [] : aliasLines(alias, lmtp)),
    '',
    `action "smmap_mailboxes" ${deliver(lmtp)} virtual <smmap_anybody> userbase <smmap_owner>`,
    `match from any for rcpt-to <"${mailbox}"> action "smmap_mailboxes"`,
    '',
    ...(own.length === 0
      ? [
          '# Add a map of kind "domain" with class = "mailbox", and users of this machine too cannot write to who is not there.',
        ]
      : [
          '# Nobody else is in these domains, for users of this machine too. Not by "reject": after any temporary failure, smtpd',
          '# says 451 instead of 550 to it.',
          'table smmap_nobody { "@" = "8:8:/" }',
          `action "smmap_absent" ${deliver(lmtp)} userbase <smmap_nobody>`,
        ]),
    ...own.map((name) => `match from any for domain <"${name}"> action "smmap_absent"`),
  );
  const known = sample(setting);
  return {
    files: [
      {
        name: 'smtpd.conf',
        title: 'into /etc/smtpd.conf (OpenBSD: /etc/mail/smtpd.conf), before the first match',
        text,
      },
    ],
    tests: [
      `smmap probe --server ${formatEndpoint(server)} --map ${mailbox} ${known}    # OK`,
      ...(server.kind === 'unix'
        ? [`namei -l ${server.path}    # the user opensmtpd must be able to pass every folder`]
        : []),
      'ls -l /usr/libexec/opensmtpd/table-smmap    # smtpd starts it; docs/mta.md says how to install it',
      'smtpd -n    # configuration OK',
      `swaks --server localhost --quit-after RCPT --to ${known}         # 250`,
      `swaks --server localhost --quit-after RCPT --to ${sample(setting, 'nosuchuser')}   # 550`,
    ],
  };
}

function aliasLines(alias: string, lmtp: Endpoint): string[] {
  return [
    '',
    '# Each target of an alias goes through these rules again.',
    `action "smmap_aliases" ${deliver(lmtp)} virtual <"${alias}"> userbase <smmap_owner>`,
    `match from any for rcpt-to <"${alias}"> action "smmap_aliases"`,
  ];
}

function deliver(lmtp: Endpoint): string {
  return `lmtp "${placeOf(lmtp)}" rcpt-to`;
}

/** Where mail.lmtp(8) delivers: a path, or a host and a port. An IPv6 address needs its brackets. */
export function placeOf(lmtp: Endpoint): string {
  return lmtp.kind === 'unix' ? lmtp.path : formatEndpoint(lmtp).replace(/^tcp:/, '');
}
