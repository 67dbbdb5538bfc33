import { type Change, extend, quote, replace } from './postconf.ts';
import { type Step, formatServer, hasOthers, hostOf, tableOf } from './postfix-step.ts';
import type { Setting } from './setting.ts';

/** Where the mail goes. Without --lmtp, no transport is changed. */
export function delivery(setting: Setting): Step[] {
  return [...ownMaps(setting), ...transports(setting)];
}

/** The parameter of virtual(8) alone. */
const VIRTUAL_MAPS = 'virtual/unix/virtual_mailbox_maps';

/** virtual(8) delivers nothing if one of its maps is a socket map. So it keeps the maps that it has. */
function ownMaps({ postconf, server }: Setting): Step[] {
  if (postconf === null || postconf.expanded('virtual_transport') !== 'virtual') return [];
  const maps = postconf.raw('virtual_mailbox_maps').split(/[\s,]+/);
  const others = maps.filter((map) => map !== '' && !map.includes(`socketmap:${formatServer(server)}:`));
  if (others.length === 0) return [];
  const value = others.join(' ');
  const own = postconf.ofServices.get(VIRTUAL_MAPS);
  return [
    {
      about: [
        'virtual(8) delivers mailboxes now. It would defer all its mail if it saw a socket map. So it keeps its own list of maps.',
        `now: ${VIRTUAL_MAPS} = ${own ?? '$virtual_mailbox_maps'}`,
      ],
      ...(own === undefined ? { command: `postconf -P ${quote(`${VIRTUAL_MAPS} = ${value}`)}` } : {}),
    },
  ];
}

function transports(setting: Setting): Step[] {
  const { lmtp, postconf, isLmtpGiven } = setting;
  if (!isLmtpGiven) {
    const now = postconf?.expanded('virtual_transport') ?? 'virtual';
    return [
      {
        about: [
          'Delivery stays as it is. What takes the mail of virtual_mailbox_domains must have the mailboxes that smmap has. For an',
          'LMTP server, use --lmtp unix:PATH or --lmtp tcp:HOST:PORT.',
          `${postconf === null ? 'default' : 'now'}: virtual_transport = ${now}`,
        ],
      },
    ];
  }
  const to = lmtp.kind === 'unix' ? `lmtp:unix:${lmtp.path}` : `lmtp:inet:${hostOf(lmtp.host)}:${lmtp.port}`;
  return [...(lmtp.kind === 'unix' ? [chroot(setting)] : login(setting)), ...virtual(setting, to), local(setting, to)];
}

function chroot({ postconf }: Setting): Step {
  return {
    about: [
      'lmtp must not be in a chroot, or it does not find the socket.',
      postconf === null ? 'default in Debian: lmtp/unix/chroot = y' : `now: lmtp/unix/chroot = ${postconf.lmtpChroot}`,
    ],
    ...(postconf?.lmtpChroot === 'n' ? {} : { command: 'postconf -F lmtp/unix/chroot=n' }),
  };
}

/** Mailboxes of virtual_mailbox_domains. */
function virtual(setting: Setting, to: string): Step[] {
  const { mailbox, postconf } = setting;
  const change = replace(postconf, 'virtual_transport', to);
  if (change.isDone || !hasOthers(setting, 'virtual_mailbox_domains')) {
    const all = postconf === null ? ' All of them: also domains that Postfix has now.' : '';
    return [{ about: [`Where mailboxes of virtual_mailbox_domains are delivered.${all}`], change }];
  }
  return [
    {
      about: ['Where mailboxes of virtual_mailbox_domains are delivered.'],
      change,
      unless: [
        'This would also move the other domains of virtual_mailbox_domains there. If the LMTP server has their mailboxes too,',
        'type this, and leave out the next command:',
      ],
    },
    {
      about: ['Instead: only mailboxes that smmap has are delivered there. Postfix asks this for senders too.'],
      change: extend(postconf, 'transport_maps', [`pipemap:{${tableOf(setting, mailbox)},static:${to}}`]),
    },
  ];
}

/** Recipients of mydestination. */
function local({ postconf }: Setting, to: string): Step {
  const all = ['mailbox_transport', 'mailbox_transport_maps'].find((name) => (postconf?.expanded(name) ?? '') !== '');
  if (postconf !== null && all !== undefined) {
    return {
      about: [
        `Recipients of mydestination are delivered as before, since ${all} is set. They must be in smmap and there.`,
        `now: ${all} = ${postconf.raw(all)}`,
      ],
    };
  }
  return {
    about: ['The same for recipients of mydestination who are no users of this machine and not in aliases(5).'],
    change: replace(postconf, 'fallback_transport', to),
  };
}

const PASSWORDS = '/etc/postfix/lmtp_passwords';

/** LMTP over TCP: Postfix logs in. */
function login({ lmtp, postconf }: Setting): Step[] {
  if (lmtp.kind === 'unix') return [];
  const step = (about: readonly string[], change: Change): Step => ({ about, change });
  const isHere = /^(?:localhost|127\.|::1$)/.test(lmtp.host);
  return [
    {
      about: [
        'Over TCP, lmtpd of Cyrus wants a login (unless it runs with -a). Choose a name, such as postman. In imapd.conf:',
        '    lmtp_admins: postman',
        'lmtp_admins (default: the value of admins) may deliver to every mailbox. Give postman a password: saslpasswd2 -c postman',
        `Write it for the host ${lmtp.host} to ${PASSWORDS}, as one line:`,
        `    ${lmtp.host} postman:PASSWORD`,
        'While that file has no line for the host, Postfix does not log in. For the login it needs the package libsasl2-modules.',
      ],
      command: `test -e ${PASSWORDS} || install -m 600 /dev/null ${PASSWORDS}`,
    },
    step(
      ['Only root reads the file, before lmtp enters its chroot. After a change: postfix reload'],
      extend(postconf, 'lmtp_sasl_password_maps', [`texthash:${PASSWORDS}`]),
    ),
    isHere
      ? step(
          ['The default forbids mechanisms that show the password. On this machine nobody else reads it.'],
          replace(postconf, 'lmtp_sasl_security_options', 'noanonymous'),
        )
      : step(
          ['The password goes to another machine. So mechanisms that show it are allowed with TLS only.'],
          replace(postconf, 'lmtp_sasl_tls_security_options', 'noanonymous'),
        ),
    ...(isHere ? [] : [step(['TLS, if the server offers it.'], replace(postconf, 'lmtp_tls_security_level', 'may'))]),
    step(['Log in.'], replace(postconf, 'lmtp_sasl_auth_enable', 'yes')),
  ];
}
