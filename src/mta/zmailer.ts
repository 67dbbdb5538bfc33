import { isIP } from 'node:net';
import { type Mta, type Printout, type Setting, add, sample, storeOption, textOf, writeDomains } from './setting.ts';

/** ZMailer 2.99.56 or newer. It has no relation that asks a socket, so it reads the files of `smmap ... export`. */
export const zmailer: Mta = {
  protocol: 'netstring',
  tcp: true,
  everyName: { mailbox: 'mailbox', alias: 'virtual', domain: 'domains' },
  lacks({ store }) {
    if (store !== null) return [];
    const reason = 'there is no embedded store, and only that can be exported to ZMailer';
    return [{ key: 'store', reason, remedy: add('[store.local]', 'driver = "embedded"', 'path = "/var/lib/smmap"') }];
  },
  print,
};

const FOLDER = '/var/mail/db'; // $MAILVAR/db
/** The login name of Cyrus, with the detail of the address, %2, before the domain. The export fills in %u and %d. */
const ROUTE = 'smtp-lmtp!localhost!%u%2@%d';

function print(setting: Setting): Printout {
  const store = storeOption(setting.store);
  const aliases = `smmap alias export --format fqdnaliases${store} --output ${FOLDER}/fqdnaliases`;
  const routes = `smmap mailbox export --format fqdnroutes --route '${ROUTE}'${store} --output ${FOLDER}/fqdnroutes`;
  const list = `${FOLDER}/smmap-domains`;
  const ours = `$2 != "relay" { print $1, "error!nosuchuser" }`;
  const domains = writeDomains(`smmap domain list${store}`, ours, list);
  const notes = notesOn(setting);
  return {
    notes,
    files: [
      {
        name: 'dbases.conf',
        title: `append to $MAILVAR/db/dbases.conf, before its NONE lines`,
        text: `${notes.map((each) => `# ${each}\n`).join('')}${DBASES}`,
      },
      { name: 'router.cf', title: 'near the top of $MAILSHARE/router.cf', text: ROUTER },
      { name: 'scheduler.conf', title: 'into $MAILSHARE/scheduler.conf, before */*', text: scheduler(setting) },
      {
        name: 'smmap-zmailer.service',
        title: '/etc/systemd/system/smmap-zmailer.service',
        text: textOf(
          '[Unit]',
          "Description=Writes the mailboxes, aliases and domains of smmap into ZMailer's databases",
          '',
          '[Service]',
          'Type=oneshot',
          '# If ZMailer cannot express a record, the journal names it, the file has a comment instead, and the exit code is 65.',
          'SuccessExitStatus=65',
          '# Each file replaces the old one by renaming, and the relations with -m notice that.',
          `ExecStart=${inUnit(aliases)}`,
          `ExecStart=${inUnit(routes)}`,
          '# Addresses that are in neither file are refused, in each domain whose mail does not go to another server.',
          `ExecStart=/bin/sh -ec "${inUnit(domains).replaceAll('"', '\\"')}"`,
          '# The SMTP server accepts mail for these domains. Yours go into smtp-policy.mx.manual.',
          `ExecStart=/bin/sh -ec "${inUnit(policy(list)).replaceAll('"', '\\"')}"`,
        ),
      },
      {
        name: 'smmap-zmailer.timer',
        title: '/etc/systemd/system/smmap-zmailer.timer',
        text: textOf(
          '[Unit]',
          'Description=Every minute',
          '',
          '[Timer]',
          '# After this time at most, ZMailer knows a mailbox that was added.',
          'OnCalendar=minutely',
          'AccuracySec=1s',
          '',
          '[Install]',
          'WantedBy=timers.target',
        ),
      },
    ],
    steps: [
      'systemctl daemon-reload && systemctl start smmap-zmailer.service && systemctl enable --now smmap-zmailer.timer',
      'zmailer newdb && zmailer router restart && zmailer scheduler restart',
    ],
    tests: [
      `head ${FOLDER}/fqdnaliases ${FOLDER}/fqdnroutes ${FOLDER}/smmap-domains    # the addresses of smmap`,
      `echo 'router ${sample(setting)}' | router -i    # smtp-lmtp`,
      `echo 'router ${sample(setting, 'nosuchuser')}' | router -i    # nosuchuser`,
    ],
  };
}

/** Notes on what the lists lack. */
function notesOn(setting: Setting): string[] {
  const { aliasDomains, localDomains, otherStores } = setting;
  const names = [...aliasDomains.keys(), ...localDomains];
  const stores = otherStores.map((name) => `the lists for ZMailer are without all that only store.${name} has`);
  if (names.length === 0) return stores;
  return [
    ...stores,
    `the lists for ZMailer are without alias_domains and local_domains (${names.join(', ')}): an address has one form there`,
  ];
}

/**
 * Makes the policy of the SMTP server anew if the domains have changed. Not in smtp-policy.relay, as the micro-HOWTO for Cyrus
 * says: what is there may also send mail to anywhere.
 */
function policy(list: string): string {
  const file = `${FOLDER}/smtp-policy.mx`;
  return `awk '{ print $1 }' ${list}.list > ${file}.new; if ! cmp -s ${file}.new ${file}; then mv ${file}.new ${file}; . /etc/zmailer.conf; $MAILBIN/policy-builder.sh -n || { rm ${file}; exit 1; }; fi`;
}

/** A command as systemd reads it: with % and $ doubled. */
function inUnit(command: string): string {
  return command.replaceAll('%', '%%').replaceAll('$', '$$$$');
}

const DBASES = textOf(
  '# smmap. Type ordered is a text that is sorted by its bytes, so newdb has nothing to compile: no priv, no options.',
  '# -l: keys are in lower case; -m: notice a new file; -%, -: pass the parts of the address, for %2 in a route.',
  '# Aliases, and catch-alls, @domain:',
  'fqdnaliases     ordered -   -   $MAILVAR/db/fqdnaliases    -lm%',
  '# Where each mailbox is:',
  'fqdnroutes      ordered -   -   $MAILVAR/db/fqdnroutes     -lm%:',
  '# Each of our domains, for addresses that are in neither file:',
  'routesdb        unordered - -   $MAILVAR/db/smmap-domains  -lm%:d pathalias',
);

const ROUTER = textOf(
  '# smmap: addresses keep their domain, because the relations need it. Comment out the line that sets this:',
  '#localdoesdomain=1',
  '# No mailing lists as files below $MAILVAR/fqlists/.',
  'nofqlists=1',
);

const SECRETS = '${MAILVAR}/db/smtp-auth-secrets.txt';

function scheduler({ lmtp }: Setting): string {
  const to = lmtp.kind === 'unix' ? `-F UNIX:${lmtp.path}` : `-A ${SECRETS} -F ${literal(lmtp.host)} -p ${lmtp.port}`;
  return textOf(
    '# smmap: delivers by LMTP the mail that fqdnroutes sends to the channel smtp-lmtp.',
    ...(lmtp.kind === 'unix'
      ? []
      : [
          `# Over TCP, Cyrus wants a login of one of its lmtp_admins. So ${SECRETS}, which only root`,
          '# may read, has a line for the server: the channel, its name, and user and password in BASE64 (AUTH LOGIN):',
          `#     (umask 077; echo "* ${lmtp.host} $(printf %s postman | base64) $(printf %s PASSWORD | base64)" >> smtp-auth-secrets.txt)`,
          `# If ZMailer's log of the channel says remhost='${literal(lmtp.host)}', write the name so.`,
        ]),
    'smtp-lmtp/*',
    `    command="smtp -c $channel -M -x ${to} -s -l \${LOGDIR}/smtp-lmtp"`,
  );
}

/** A host as ZMailer's smtp(8) writes it. */
function literal(host: string): string {
  const version = isIP(host);
  if (version === 0) return host;
  return version === 6 ? `[ipv6.${host}]` : `[${host}]`;
}
