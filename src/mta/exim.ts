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
      { name: 'main', title: 'before the first domainlist (main/01_exim4-config_listmacrosdefs)', text: main(setting) },
      {
        name: 'acl',
        title: 'first in acl_check_rcpt, directly after its name (acl/30_exim4-config_check_rcpt)',
        text: ACL,
      },
      {
        name: 'router',
        title: 'first of the routers, directly after begin routers (router/00_exim4-config_header)',
        text: routers.filter((each) => each !== null).join('\n'),
      },
      {
        name: 'transport',
        title: 'among the transports, such as directly after begin transports (transport/00_exim4-config_header)',
        text: transport(lmtp),
      },
      { name: 'callout', title: 'an alternative to all this: Exim asks the LMTP server itself', text: callout(lmtp) },
    ],
    written: [{ name: 'install.sh', title: 'puts them there: sh install.sh FILE... (docs/mta.md)', text: INSTALL }],
    tests: [
      `${probe} ${sample(setting)}`,
      'exim -bV    # complains about a mistake',
      `exim -bt ${sample(setting)}    # router = smmap_delivery`,
      `exim -bv ${sample(setting, 'nosuchuser')}    # failed to verify`,
      `swaks --server localhost --quit-after RCPT --to ${sample(setting)}         # 250`,
      `swaks --server localhost --quit-after RCPT --to ${sample(setting, 'nosuchuser')}   # 550`,
    ],
  };
}

/** The domains, and who comes before smmap. */
function main({ defaultDomain, localDomains, aliasDomains }: Setting): string {
  const names = [...new Set([defaultDomain ?? '', ...localDomains, ...aliasDomains.keys()])].filter(
    (name) => name !== '',
  );
  return textOf(
    '# smmap: the domains whose recipients it has, separated by colons. `smmap domain list --all` shows them. Write a',
    '# domain in Unicode as its A-label (xn--...): Exim finds it in both spellings.',
    `SMMAP_DOMAINS = ${names.join(' : ') || 'example.org'}`,
    '# In a domain that is in local_domains too, users of this machine and those in aliases(5) come first, and smmap decides',
    '# about everybody else. In other domains, smmap alone decides.',
    'SMMAP_LOCAL = and{{match_domain{$domain}{+local_domains}}{or{{!eq{}{${if exists{/etc/aliases}{${lookup{$local_part}lsearch{/etc/aliases}{x}}}}}}{!eq{}{${lookup passwd{$local_part}{x}}}}}}}',
    '.ifdef _HAVE_I18N',
    'domainlist smmap_domains = ${if match_domain{${utf8_domain_to_alabel:$domain}}{SMMAP_DOMAINS}{$domain}}',
    '.else',
    'domainlist smmap_domains = SMMAP_DOMAINS',
    '.endif',
  );
}

const ACL = textOf(
  '  # smmap: by way of the routers, refuses NOTFOUND with 550, and defers with 451 while smmap is uncertain. It stands first,',
  '  # because this machine, relay_from_hosts and clients that have logged in are accepted further below.',
  '  deny',
  '    domains = +smmap_domains',
  '    !verify = recipient',
  '  # Further below, Exim refuses all recipients from the eleventh on, if fewer than half were accepted ("Rejected for too many',
  '  # bad recipients"). It counts deferred ones too, so after an outage it would refuse those that exist. This defers them.',
  '  defer',
  '    !hosts = :',
  '    condition = ${if and{{>{$rcpt_count}{10}}{<{$recipients_count}{${eval:$rcpt_count/2}}}}}',
  '    message = 4.5.3 Too many of these recipients were refused or deferred. Try again',
);

/** Puts the files into a configuration in which they are not yet. The anchors are those of Debian and of Exim's example. */
const INSTALL = textOf(
  '#!/bin/sh',
  '# Puts the files beside it into the configuration of Exim. FILE is /etc/exim4/exim4.conf.template (Debian, unsplit),',
  '# /etc/exim4/conf.d/*/* (Debian, split), or exim.conf. Files that have no place for them, or have them, stay as they are.',
  'set -eu',
  'dir=$(cd "$(dirname "$0")" && pwd)',
  'for file; do',
  '    [ -f "$file" ] && ! grep -qi smmap "$file" || continue',
  '    grep -Eq "^(domainlist local_domains|acl_check_rcpt:|begin routers|begin transports)" "$file" || continue',
  '    sed -i.before-smmap \\',
  '        -e "/^domainlist local_domains/e cat $dir/main" \\',
  '        -e "/^acl_check_rcpt:/r $dir/acl" \\',
  String.raw`        -e 's/^\( *domains *= *\)+local_domains : +relay_to_domains *$/\1+local_domains : +relay_to_domains : +smmap_domains/' \ `.trimEnd(),
  '        -e "/^begin routers/r $dir/router" \\',
  '        -e "/^begin transports/r $dir/transport" \\',
  '        "$file"',
  '    echo "$file: changed; the old one is $file.before-smmap"',
  'done',
);

/** The request of a router. Afterwards address_data is OK VALUE, NOTFOUND, TEMP..., CONN or BAD. */
function question(setting: Setting, map: string): string[] {
  const { server, patienceSeconds } = setting;
  const where = server.kind === 'unix' ? server.path : `inet:${hostOf(server.host)}:${server.port}`;
  const ask = `{${where}}{\${strlen:$r_q}:$r_q,}{${patienceSeconds}s}{}`;
  return [
    '  domains = +smmap_domains',
    '  condition = ${if !SMMAP_LOCAL}',
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
    '# Does the mailbox exist? OK continues with the next router. NOTFOUND is 550, but in local_domains the other routers may',
    '# know the recipient. Everything else is 451.',
    'smmap_mailbox:',
    '  driver = redirect',
    '  allow_fail',
    '  allow_defer',
    ...question(setting, setting.mailbox),
    '  data = ${if match{$address_data}{\\N^OK( |$)\\N}{}{${if match{$address_data}{\\N^NOTFOUND( |$)\\N}{${if match_domain{$domain}{+local_domains}{}{:fail: 5.1.1 User unknown}}}{:defer: 4.3.0 Temporary lookup failure}}}}',
  );
}

function aliasRouter(setting: Setting, map: string | undefined): string | null {
  if (map === undefined) return null;
  return textOf(
    '# Is it an alias? OK continues with its targets, NOTFOUND with the next router, everything else is 451.',
    'smmap_alias:',
    '  driver = redirect',
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
  '  domains = +smmap_domains',
  '  condition = ${if and{{!SMMAP_LOCAL}{match{$address_data}{\\N^OK( |$)\\N}}}}',
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

/** Without smmap: the LMTP server is asked at each RCPT. */
function callout(lmtp: Endpoint): string {
  const about = [
    '# Without smmap: Exim asks the LMTP server itself at each RCPT, which is slower. First in acl_check_rcpt, if',
    '# +cyrus_domains are the domains:',
  ];
  if (lmtp.kind === 'tcp') {
    return textOf(
      ...about,
      '# This needs no authentication (lmtpd -a). Exim keeps answers for hours (callout cache). The router of these domains must',
      `# have a transport with driver = smtp, protocol = lmtp, hosts = ${listed(lmtp.host)}, port = ${lmtp.port}, allow_localhost.`,
      '#',
      '#   deny domains = +cyrus_domains',
      '#        message = Recipient unknown/invalid',
      '#        !verify = recipient/callout=5s',
    );
  }
  return textOf(
    ...about,
    '# Exim makes no callouts over a Unix socket, but ${readsocket} can talk LMTP. Exim runs as Debian-exim here, which needs',
    '# access to the socket.',
    '#',
    '#   warn domains = +cyrus_domains',
    `#        set acl_m_lmtp = \${readsocket{${lmtp.path}}{LHLO $primary_hostname\\r\\nMAIL FROM:<>\\r\\nRCPT TO:<\${quote_local_part:$local_part}@$domain>\\r\\nQUIT\\r\\n}{5s:shutdown=no}{}{}}`,
    `#        set acl_m_lmtp = \${if match{$acl_m_lmtp}{${RCPT_REPLY}}{$1}{}}`,
    '#   deny domains = +cyrus_domains',
    '#        condition = ${if match{$acl_m_lmtp}{^5}}',
    '#        message = 5.1.1 User unknown',
    '#   defer domains = +cyrus_domains',
    '#        condition = ${if !match{$acl_m_lmtp}{^2}}',
    '#        message = 4.3.0 Temporary lookup failure',
  );
}

/** Finds the code of the third reply, which is that to RCPT, after the greeting. */
const RCPT_REPLY = String.raw`\N^(?:220-.*\n)*220 .*\n(?:250-.*\n)*250 .*\n(?:250-.*\n)*250 .*\n(\d{3})\N`;

/** A host in a list of hosts. The colons of an IPv6 address would separate, so it needs another separator. */
function listed(host: string): string {
  return host.includes(':') ? `<; ${host}` : host;
}

function hostOf(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host;
}
