import { formatEndpoint } from '../endpoint.ts';
import { extend, itemsOf, replace } from './postconf.ts';
import { delivery } from './postfix-delivery.ts';
import { domains, mapOfClass } from './postfix-domains.ts';
import { type Step, hasOthers, tableOf, textOfStep } from './postfix-step.ts';
import { unlisted } from './postfix-unlisted.ts';
import { type Mta, type Printout, type Setting, sample, textOf } from './setting.ts';

/** Postfix 2.10 or newer, in which socketmap is built in. */
export const postfix: Mta = {
  protocol: 'netstring',
  tcp: true,
  everyName: { mailbox: 'mailbox', alias: 'virtual', domain: 'domains' },
  lacks: () => [],
  print,
};

function print(setting: Setting): Printout {
  const { mailbox, aliases, server } = setting;
  const ours = [...domains(setting), ...recipients(setting), ...access(setting)];
  const accepting = unlisted(setting);
  const steps = [...ours, ...proxied(setting, ours), ...accepting, ...delivery(setting), RELOAD];
  const changes = steps.flatMap(({ change, unless }) => (change === undefined || unless !== undefined ? [] : [change]));
  // su refuses an account that has expired, as that of Debian's Postfix 3.11 has.
  const asPostfix = (key: string, name: string): string =>
    `runuser -u postfix -- postmap -q ${key} ${tableOf(setting, name)}`;
  return {
    files: [
      {
        name: 'postfix.sh',
        title: 'commands for root; paste them, or: sh postfix.sh',
        text: [textOf(...headOf(setting)), ...steps.map(textOfStep)].join('\n'),
      },
    ],
    written: [
      {
        name: 'main.cf',
        title: 'the same as lines of main.cf, for those who do not use postconf. Replace the lines of the same names',
        text: textOf(...changes.map(({ name, value }) => `${name} = ${value}`)),
      },
    ],
    tests: [
      `smmap probe --server ${formatEndpoint(server)} --map ${mailbox} ${sample(setting)}`,
      asPostfix(sample(setting), mailbox),
      ...aliases.map((name) => `${asPostfix(sample(setting, 'info'), name)}    # if you have this alias`),
      ...(server.kind === 'unix'
        ? [`namei -l ${server.path}    # the user postfix must be able to pass every folder`]
        : []),
      `swaks --server localhost --quit-after RCPT --to ${sample(setting)}         # 250`,
      `swaks --server localhost --quit-after RCPT --to ${sample(setting, 'nosuchuser')}   # 550 5.1.1`,
    ],
    notes: accepting.length === 0 ? [] : [UNLISTED],
  };
}

function headOf({ server, postconf }: Setting): string[] {
  return [
    '# smmap: does this mailbox exist? Each command adds smmap to a list, and keeps what the list has.',
    ...(postconf === null
      ? [
          '# Postfix is not on this machine. So the comments have its defaults, and each command reads what the list has.',
          '# Paste each command once only. On the machine of Postfix, smmap mta prints what Postfix has now.',
        ]
      : []),
    '# proxy: Postfix asks through proxymap, which is not in a chroot. smtpd may be in one (fifth column of master.cf), as in',
    '# Debian, and would not find the socket there. All smtpd share the connections of proxymap.',
    ...(server.kind === 'unix'
      ? ['# The user postfix needs access to the socket: if the listener has mode = "0660", give it group = "postfix".']
      : []),
  ];
}

const UNLISTED =
  'Postfix has a setting by which it accepts everybody, and returns the mail later; the printout has it in a comment';

const RELOAD: Step = { about: ['Check and load.'], command: 'postfix check && postfix reload' };

/** The recipients. */
function recipients(setting: Setting): Step[] {
  const { mailbox, aliases, postconf } = setting;
  const table = tableOf(setting, mailbox);
  const transport = setting.mailboxes.find(({ reply }) => typeof reply !== 'string' && TRANSPORT.test(reply.text));
  const accepted = (list: string, domainList: string): boolean =>
    postconf !== null && postconf.expanded(list) === '' && hasOthers(setting, domainList);
  const everybody = (list: string): string[] => [
    `${list} is empty now, so Postfix accepts every recipient of these domains. With this command it refuses those that`,
    'smmap does not have. If smmap has all of them, type:',
  ];
  const steps: Step[] = [
    {
      about: ['Recipients of virtual_mailbox_domains. NOTFOUND is 550 5.1.1, an outage is 451 4.3.0.'],
      change: extend(postconf, 'virtual_mailbox_maps', [table]),
      ...(accepted('virtual_mailbox_maps', 'virtual_mailbox_domains')
        ? { unless: everybody('virtual_mailbox_maps') }
        : {}),
    },
    localRecipients(setting, everybody('local_recipient_maps')),
  ];
  if (mapOfClass(setting, 'relay') !== null) {
    const isUncertain = postconf === null || accepted('relay_recipient_maps', 'relay_domains');
    steps.push({
      about: [
        'Recipients of relay_domains. If not all of them are in smmap, leave this out; then the next server refuses them.',
      ],
      change: extend(postconf, 'relay_recipient_maps', [table]),
      ...(isUncertain
        ? {
            unless: [
              'If relay_recipient_maps is empty and relay_domains has other domains, this refuses all of theirs. Else type:',
            ],
          }
        : {}),
    });
  }
  if (aliases.length > 0) {
    steps.push({
      about: ['Aliases of all domains. They come before mailboxes. Postfix asks again for each target.'],
      change: extend(
        postconf,
        'virtual_alias_maps',
        aliases.map((name) => tableOf(setting, name)),
      ),
    });
  }
  if (transport !== undefined) {
    const about = [
      'Where each mailbox is delivered. Postfix asks this also for senders and for recipients elsewhere, so no mail goes',
      'out while smmap is down.',
    ];
    steps.push({ about, change: extend(postconf, 'transport_maps', [tableOf(setting, transport.name)]) });
  }
  return steps;
}

/** Recipients of mydestination. smmap may be asked for them only if something delivers those that it finds. */
function localRecipients(setting: Setting, everybody: readonly string[]): Step {
  const { mailbox, postconf, isLmtpGiven } = setting;
  const delivers =
    isLmtpGiven ||
    (postconf !== null &&
      (LOCAL_DELIVERY.some((name) => postconf.expanded(name) !== '') ||
        !/^local\b/.test(postconf.expanded('local_transport'))));
  if (!delivers) {
    return {
      about: [
        'Recipients of mydestination: smmap is not asked for them, because local(8) delivers only to users of this machine. With',
        '--lmtp, smmap mta prints what asks smmap too (local_recipient_maps) and delivers those it finds (fallback_transport).',
      ],
    };
  }
  return {
    about: [
      'Recipients of mydestination, and those without a domain, for which Postfix asks user@$myorigin. Make $myorigin the',
      'default_domain of the map, or one of its local_domains. Users of this machine and aliases(5) come first.',
    ],
    change: extend(postconf, 'local_recipient_maps', [tableOf(setting, mailbox)]),
    ...(postconf?.expanded('local_recipient_maps') === '' ? { unless: everybody } : {}),
  };
}

/** Parameters that let local(8) deliver to somebody who is no user of this machine. */
const LOCAL_DELIVERY = ['mailbox_transport', 'mailbox_transport_maps', 'fallback_transport', 'fallback_transport_maps'];

/** A text of a mailbox map that Postfix reads as transport:nexthop. */
const TRANSPORT = /^[a-z][\w-]*:/i;

/** What a table is asked for, by a part of its name. */
const CHECKS = [
  [/client/i, 'check_client_access', 'the name and the address of the client'],
  [/helo/i, 'check_helo_access', 'the name that the client gives'],
  [/sender/i, 'check_sender_access', 'the sender'],
  [/recipient|access/i, 'check_recipient_access', 'the recipient'],
] as const;

function access(setting: Setting): Step[] {
  const checks = setting.tables.flatMap((name) => {
    const check = CHECKS.find(([pattern]) => pattern.test(name));
    return check === undefined ? [] : [{ name, what: check[1], whom: check[2] }];
  });
  const others = setting.tables.filter((name) => !checks.some((check) => check.name === name));
  const steps: Step[] = [];
  if (others.length > 0) {
    steps.push({ about: [`Not used here, because their names do not say what they are for: ${others.join(', ')}.`] });
  }
  if (checks.length > 0) {
    const about = [
      'Who may send to whom: OK, REJECT and so on of access(5). Postfix asks socket maps only for the whole key, never for',
      'the domain of an address. They come last, so that an OK in a table cannot open a relay.',
      ...checks.map(({ name, whom }) => `${name}: ${whom}`),
    ];
    const words = checks.map(({ name, what }) => `${what} ${tableOf(setting, name)}`);
    const first = 'permit_mynetworks permit_sasl_authenticated reject_unauth_destination';
    steps.push({ about, change: extend(setting.postconf, 'smtpd_recipient_restrictions', words, first) });
  }
  return steps;
}

/** What proxymap may be asked for. The default has all that is printed here. */
function proxied({ postconf }: Setting, steps: readonly Step[]): Step[] {
  if (postconf === null) return [];
  const allowed = itemsOf(postconf.raw('proxy_read_maps'));
  const missing = steps
    .flatMap(({ change }) => (change === undefined ? [] : [`$${change.name}`]))
    .filter((word) => !allowed.includes(word));
  if (missing.length === 0) return [];
  return [
    {
      about: ['proxymap looks up only tables that these parameters have.'],
      change: replace(postconf, 'proxy_read_maps', [postconf.raw('proxy_read_maps'), ...missing].join(' ')),
    },
  ];
}
