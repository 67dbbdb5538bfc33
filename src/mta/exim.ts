import { isIP } from 'node:net';
import { type Endpoint, formatEndpoint } from '../endpoint.ts';
import { type Mta, type Printout, type Setting, sample, textOf } from './setting.ts';

/**
 * Exim 4.94 or newer. It has no socket maps: the question is a netstring written by hand, sent by ${readsocket}, and the
 * reply is read by hand too.
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
      { name: 'callout', title: 'instead of all this: asking the LMTP server itself', text: CALLOUT },
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
  '  # smmap: refuses with 550 who is NOTFOUND, and defers with 451 while smmap does not know, by way of the routers.',
  '  require verify = recipient',
);

/** What a router asks, and what it makes of the answer, so that address_data is OK VALUE, NOTFOUND, TEMP..., CONN or BAD. */
function question(setting: Setting, map: string): string[] {
  const { server, patienceSeconds } = setting;
  const where = server.kind === 'unix' ? server.path : `inet:${hostOf(server.host)}:${server.port}`;
  const ask = `{${where}}{\${strlen:$r_q}:$r_q,}{${patienceSeconds}s}{}`;
  return [
    '  # the question, in lower case as other mail servers ask',
    `  set = r_q = ${map} \${lc:$local_part}@\${lc:$domain}`,
    '  # Asked twice where nobody answers: after a connection that failed, Exim writes the next question into whatever file',
    '  # has the number of the closed socket, and the second readsocket takes that upon itself.',
    `  set = r_r = \${readsocket${ask}{\${readsocket${ask}{CONN}}}}`,
    '  # takes the netstring off the reply, where it has the length that it says',
    '  address_data = ${if eq{$r_r}{CONN}{CONN}{${if match{$r_r}{\\N^(?s)(\\d{1,9}):(.*),$\\N}{${if ={$1}{${strlen:$2}}{$2}{BAD}}}{BAD}}}}',
  ];
}

function mailboxRouter(setting: Setting): string {
  return textOf(
    '# Does the mailbox exist? NOTFOUND is 550, OK goes on to the next router, everything else is 451.',
    'smmap_mailbox:',
    '  driver = redirect',
    '  # all of whose domains smmap has; `smmap domain list` names them',
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
    '# Is it an alias? OK goes on with its targets, NOTFOUND with the next router, everything else is 451.',
    'smmap_alias:',
    '  driver = redirect',
    '  domains = +local_domains',
    '  allow_defer',
    '  # a target is an address and nothing else',
    '  forbid_file',
    '  forbid_pipe',
    '  forbid_include',
    ...question(setting, map),
    '  data = ${if match{$address_data}{\\N^OK (.+)$\\N}{$1}{${if match{$address_data}{\\N^NOTFOUND( |$)\\N}{}{:defer: 4.3.0 Temporary lookup failure}}}}',
  );
}

const DELIVERY = textOf(
  '# Delivers what the routers above let through.',
  'smmap_delivery:',
  '  driver = accept',
  '  domains = +local_domains',
  '  transport = smmap_lmtp',
);

function transport(lmtp: Endpoint): string {
  const to =
    lmtp.kind === 'unix'
      ? ['  driver = lmtp', `  socket = ${lmtp.path}`, '  # who may connect there', '  user = mail']
      : ['  driver = smtp', '  protocol = lmtp', `  hosts = ${listed(lmtp.host)}`, `  port = ${lmtp.port}`, ...HERE];
  return textOf('# Delivers by LMTP.', 'smmap_lmtp:', ...to);
}

const HERE = ['  # also where that is this machine', '  allow_localhost'];

/** What the Cyrus chapter of Exim's wiki does, as far as it concerns recipients. */
const CALLOUT = textOf(
  '# Without smmap: Exim asks the LMTP server itself at each RCPT. That needs LMTP over TCP, since Exim calls out over no Unix',
  '# socket, and without authentication (lmtpd -a); it is slower, and keeps answers for hours (callout cache).',
  '# In the ACL, where +cyrus_domains are the domains and their transport is',
  '# "driver = smtp, protocol = lmtp, hosts = localhost, port = 2003, allow_localhost":',
  '#',
  '#   accept domains = +cyrus_domains',
  '#          endpass',
  '#          message = Recipient unknown/invalid',
  '#          verify = recipient/callout=random,5s',
);

/** An IPv6 address in a list of hosts, whose separator it would be. */
function listed(host: string): string {
  return host.includes(':') ? `<; ${host}` : host;
}

function hostOf(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host;
}
