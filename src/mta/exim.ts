import { isIP } from 'node:net';
import { type Endpoint, formatEndpoint } from '../endpoint.ts';
import { type Mta, type Printout, type Setting, sample, textOf } from './setting.ts';

/**
 * Exim 4.94 or newer. It has no socket maps: a string expansion writes the netstring of the request, ${readsocket} sends it, and
 * another expansion reads the reply.
 */
export const exim: Mta = {
  protocol: 'netstring',
  tcp: true,
  everyName: { mailbox: 'mailbox', alias: 'virtual', domain: 'domains' },
  lacks: () => [],
  print,
};

function print(setting: Setting): Printout {
  const { aliases, mailbox, lmtp, server } = setting;
  const [alias] = aliases;
  const routers = [aliasRouter(setting, alias), mailboxRouter(setting), DELIVERY];
  const probe = `smmap probe --server ${formatEndpoint(server)} --map ${mailbox}`;
  return {
    files: [
      { name: 'acl', title: 'into acl_check_rcpt, before its last accept (begin acl)', text: ACL },
      {
        name: 'router',
        title: 'first of the routers (begin routers), before those for local users',
        text: routers.filter((each) => each !== null).join('\n'),
      },
      { name: 'transport', title: 'among the transports (begin transports)', text: transport(lmtp) },
      { name: 'callout', title: 'an alternative to all this: Exim asks the LMTP server itself', text: CALLOUT },
    ],
    tests: [
      `${probe} ${sample(setting)}`,
      'exim -bV    # complains about a mistake',
      `exim -bt ${sample(setting)}`,
      `exim -bv ${sample(setting, 'nobody')}    # 5.1.1 User unknown`,
      `swaks --server localhost --quit-after RCPT --to ${sample(setting)}         # 250`,
      `swaks --server localhost --quit-after RCPT --to ${sample(setting, 'nobody')}       # 550 5.1.1`,
    ],
  };
}

const ACL = textOf(
  '  # smmap: by way of the routers, refuses NOTFOUND with 550, and defers with 451 while smmap is uncertain.',
  '  require verify = recipient',
);

/** The request of a router. Afterwards address_data is OK VALUE, NOTFOUND, TEMP..., CONN or BAD. */
function question(setting: Setting, map: string): string[] {
  const { server, patienceSeconds } = setting;
  const where = server.kind === 'unix' ? server.path : `inet:${hostOf(server.host)}:${server.port}`;
  const ask = `{${where}}{\${strlen:$r_q}:$r_q,}{${patienceSeconds}s}{}`;
  return [
    '  # the request, in lower case as other mail servers ask',
    `  set = r_q = ${map} \${lc:$local_part}@\${lc:$domain}`,
    '  # Asks twice if there is no answer: after a failed connection, Exim writes the next request into any file that has the',
    '  # number of the closed socket. The second readsocket absorbs this error.',
    `  set = r_r = \${readsocket${ask}{\${readsocket${ask}{CONN}}}}`,
    '  # removes the netstring around the reply, if its length is right',
    '  address_data = ${if eq{$r_r}{CONN}{CONN}{${if match{$r_r}{\\N^(?s)(\\d{1,9}):(.*),$\\N}{${if ={$1}{${strlen:$2}}{$2}{BAD}}}{BAD}}}}',
  ];
}

function mailboxRouter(setting: Setting): string {
  return textOf(
    '# Does the mailbox exist? NOTFOUND is 550, OK continues with the next router, everything else is 451.',
    'smmap_mailbox:',
    '  driver = redirect',
    '  # smmap must have all of these domains; `smmap domain list` shows them',
    '  domains = +local_domains',
    '  allow_fail',
    '  allow_defer',
    ...question(setting, setting.mailbox),
    '  data = ${if match{$address_data}{\\N^OK( |$)\\N}{}{${if match{$address_data}{\\N^NOTFOUND( |$)\\N}{:fail: 5.1.1 User unknown}{:defer: 4.3.0 Temporary lookup failure}}}}',
  );
}

function aliasRouter(setting: Setting, map: string | undefined): string | null {
  if (map === undefined) return null;
  return textOf(
    '# Is it an alias? OK continues with its targets, NOTFOUND with the next router, everything else is 451.',
    'smmap_alias:',
    '  driver = redirect',
    '  domains = +local_domains',
    '  allow_defer',
    '  # a target can only be an address',
    '  forbid_file',
    '  forbid_pipe',
    '  forbid_include',
    ...question(setting, map),
    '  data = ${if match{$address_data}{\\N^OK (.+)$\\N}{$1}{${if match{$address_data}{\\N^NOTFOUND( |$)\\N}{}{:defer: 4.3.0 Temporary lookup failure}}}}',
  );
}

const DELIVERY = textOf(
  '# Delivers what the routers above accepted.',
  'smmap_delivery:',
  '  driver = accept',
  '  domains = +local_domains',
  '  transport = smmap_lmtp',
);

function transport(lmtp: Endpoint): string {
  const to =
    lmtp.kind === 'unix'
      ? ['  driver = lmtp', `  socket = ${lmtp.path}`, '  # a user who may connect there', '  user = mail']
      : ['  driver = smtp', '  protocol = lmtp', `  hosts = ${listed(lmtp.host)}`, `  port = ${lmtp.port}`, ...HERE];
  return textOf('# Delivers by LMTP.', 'smmap_lmtp:', ...to);
}

const HERE = ['  # also on this machine', '  allow_localhost'];

/** The part for recipients of the Cyrus chapter in the wiki of Exim. */
const CALLOUT = textOf(
  '# Without smmap: Exim asks the LMTP server itself at each RCPT. This needs LMTP over TCP, because Exim cannot do callouts',
  '# over a Unix socket, and without authentication (lmtpd -a). It is slower, and keeps answers for hours (callout cache).',
  '# In the ACL, if +cyrus_domains are the domains, and their transport is',
  '# "driver = smtp, protocol = lmtp, hosts = localhost, port = 2003, allow_localhost":',
  '#',
  '#   accept domains = +cyrus_domains',
  '#          endpass',
  '#          message = Recipient unknown/invalid',
  '#          verify = recipient/callout=random,5s',
);

/** A host in a list of hosts. The colons of an IPv6 address would separate, so it needs another separator. */
function listed(host: string): string {
  return host.includes(':') ? `<; ${host}` : host;
}

function hostOf(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host;
}
