import { type Mta, type Printout, type Setting, add, textOf } from './setting.ts';

/** ZMailer 2.99.56 or newer. It has no relation that asks a socket, so it reads what `smmap ... export` writes. */
export const zmailer: Mta = {
  protocol: 'netstring',
  tcp: true,
  everyName: { mailbox: 'mailbox', alias: 'virtual', domain: 'domains' },
  lacks({ store }) {
    if (store !== null) return [];
    const reason = 'there is no embedded store, from which ZMailer could be given a list';
    return [{ key: 'store', reason, remedy: add('[store.local]', 'driver = "embedded"', 'path = "/var/lib/smmap"') }];
  },
  print,
};

const FOLDER = '/var/mail/db'; // $MAILVAR/db
/** Cyrus's login name with the detail of the address, %2, before the domain; %u and %d are filled in by the export. */
const ROUTE = 'smtp-lmtp!localhost!%u%2@%d';

function print(setting: Setting): Printout {
  const store = `--store ${setting.store}`;
  const aliases = `smmap alias export --format fqdnaliases ${store} --output ${FOLDER}/fqdnaliases`;
  const routes = `smmap mailbox export --format fqdnroutes --route '${ROUTE}' ${store} --output ${FOLDER}/fqdnroutes`;
  const list = `${FOLDER}/smmap-domains`;
  const ours = `$2 != "relay" { print $1, "error!nosuchuser" }`;
  const domains = `smmap domain list ${store} > ${list}.list && awk '${ours}' ${list}.list > ${list}.new && mv ${list}.new ${list}`;
  return {
    files: [
      { name: 'dbases.conf', title: `append to $MAILVAR/db/dbases.conf, before its NONE lines`, text: DBASES },
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
          '# Each file is renamed over the old one, which the relations with -m notice. What ZMailer cannot express is named in',
          '# the journal, and the old file stays; --partial would leave it out.',
          `ExecStart=${inUnit(aliases)}`,
          `ExecStart=${inUnit(routes)}`,
          '# Whoever is in neither of them is refused, in each domain that does not go on to another server.',
          `ExecStart=/bin/sh -ec "${inUnit(domains).replaceAll('"', '\\"')}"`,
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
          '# A mailbox that was added exists for ZMailer after at most so long.',
          'OnCalendar=minutely',
          'AccuracySec=1s',
          '',
          '[Install]',
          'WantedBy=timers.target',
        ),
      },
    ],
    tests: [
      'systemctl daemon-reload && systemctl start smmap-zmailer.service && systemctl enable --now smmap-zmailer.timer',
      `head ${FOLDER}/fqdnaliases ${FOLDER}/fqdnroutes ${FOLDER}/smmap-domains`,
      'zmailer newdb && zmailer router restart && zmailer scheduler restart',
      `echo 'router fred@${setting.defaultDomain ?? 'example.org'}' | router -i    # smtp-lmtp`,
    ],
  };
}

/** As systemd reads it: with % and $ doubled. */
function inUnit(command: string): string {
  return command.replaceAll('%', '%%').replaceAll('$', '$$$$');
}

const DBASES = textOf(
  '# smmap. Type ordered is text, searched in the order of its bytes, so that newdb has nothing to compile: no priv, no options.',
  '# -l: keys are in lower case; -m: notice a new file; -%, -: pass the parts of the address on, for %2 in a route.',
  '# Addresses that stand for others, and catch-alls, @domain:',
  'fqdnaliases     ordered -   -   $MAILVAR/db/fqdnaliases    -lm%',
  '# Where each mailbox is:',
  'fqdnroutes      ordered -   -   $MAILVAR/db/fqdnroutes     -lm%:',
  '# Every domain of ours, for whoever is in neither:',
  'routesdb        unordered - -   $MAILVAR/db/smmap-domains  -lm%:d pathalias',
);

const ROUTER = textOf(
  '# smmap: addresses keep their domain, by which the relations are asked. Comment out the line that sets it:',
  '#localdoesdomain=1',
  '# No mailing lists as files below $MAILVAR/fqlists/.',
  'nofqlists=1',
);

function scheduler({ lmtp }: Setting): string {
  const to = lmtp.kind === 'unix' ? `-F UNIX:${lmtp.path}` : `-F [${lmtp.host}] -p ${lmtp.port}`;
  return textOf(
    '# smmap: delivers by LMTP what fqdnroutes sends to the channel smtp-lmtp.',
    'smtp-lmtp/*',
    `    command="smtp -c $channel -M -x ${to} -s -l \${LOGDIR}/smtp-lmtp"`,
  );
}
