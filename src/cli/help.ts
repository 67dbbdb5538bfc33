import type { KindName } from './records/kind.ts';

export const EXIT_CODES = `
Exit codes: 0 done, 1 not found, 64 usage, 65 bad input, 69 no daemon, 70 a bug, 73 cannot listen or create a file,
74 cannot read or write, 78 configuration.`;

export const SERVE_HELP = `
SIGHUP: goes on with what the file says now, without closing a connection; a file with a mistake changes nothing.
SIGTERM: answers what was asked, half-closes, and ends once the clients have closed, see limits.stop_ms.
SIGINT, or a second signal: ends at once, which a live Sendmail session does not survive.

Upgrade without losing a lookup, also under smmap.service (systemctl restart smmap):
  smmap serve --config /etc/smmap/smmap.toml --takeover`;

export const PROBE_HELP = `
Prints KEY<TAB>REPLY for each key, and exits with the worst of the replies:
  0 all OK, 1 some NOTFOUND, 75 some TEMP or TIMEOUT (or no reply in time), 69 some PERM,
  76 a reply that breaks the protocol, 74 no connection.

Examples:
  smmap probe fred@example.org
  smmap probe --server tcp:127.0.0.1:2004 --map cyrus fred+lists@example.org
  smmap mailbox list | smmap probe - | grep -v 'OK'`;

export const CACHE_HELP =
  'Shows or forgets what the running daemon caches of its stores. A store has a cache where its [store.NAME] says cache = {}.';

/** By the word behind `smmap cache`. */
export const CACHE_COMMANDS = {
  show: {
    argument: '[name...]',
    description:
      'Prints what is cached about an address, @domain or the key of a table, or all. Exit code 1 where nothing is.',
  },
  forget: {
    argument: '<name...>',
    description:
      'Forgets what is cached about an address, @domain or the key of a table, so that its store is asked again.',
  },
  clear: { argument: '[store...]', description: 'Forgets all that is cached of stores, by default of all.' },
} as const;

export const REMOVE_ALIAS_HELP = `
Two words of which the second is a target of the first are refused (exit code 64), since that is meant to remove the target.

Examples:
  smmap alias remove --target wilma@example.org sales@example.org
  smmap alias remove sales@example.org`;

/** The mail servers that `smmap mta` knows. */
export const MTA_NAMES = ['sendmail', 'postfix', 'exim', 'opensmtpd', 'zmailer', 'procmail'] as const;
export type MtaName = (typeof MTA_NAMES)[number];

export const MTA_HELP = `
Exit code 78 where the configuration lacks what the mail server needs, with what to add; 73 where --write finds a file.
docs/mta.md has a section for each. procmail is Sendmail twice, with virtual users that procmail delivers to.

Examples:
  smmap mta postfix --config /etc/smmap/smmap.toml
  smmap mta sendmail --write /root/smmap-sendmail --lmtp tcp:127.0.0.1:2003`;

/** What is said of a kind, and of each of its commands. */
interface KindHelp {
  readonly summary: string;
  readonly description: string;
  /** An argument, and several of them. */
  readonly name: string;
  readonly plural: string;
  readonly add: string;
  readonly examples: string;
  readonly list: string;
  readonly import: string;
  readonly export: string;
}

const RULES = `
A line takes the place of what is there under the same name. What is in no line stays, and is removed with --replace.
Readers see all of an import or nothing of it, however it ends. A bad line is reported with its number; the good ones are
imported, or with --strict or --replace nothing is (exit code 65 in both cases).

A list may have been cut off. With --replace, one that would remove more than ten records and more than a tenth of them is
refused (exit code 65), unless --allow-removals says how many may go; so is one whose last line has no line feed, unless
--allow-unended says that it is whole. --dry-run says what would be done.`;

const OUTPUT = `
A file is written beside and renamed, with the mode and owner that it had: who reads it sees the old one or the new one.
What a format cannot express is named on standard error, and the file stays as it was (exit code 65); with --partial it is
written without that.`;

/** By the word behind `smmap`. */
export const HELP: Readonly<Record<KindName, KindHelp>> = {
  mailbox: {
    summary: 'keep mailboxes in the embedded store',
    description: 'Keeps the mailboxes of the embedded store.',
    name: 'address',
    plural: 'mailboxes',
    add: 'Adds mailboxes; one that is there gets the state, and the folders besides its own. A running daemon answers them at its next lookup.',
    examples: `
Examples:
  smmap mailbox add fred@example.org wilma@example.org
  smmap mailbox add --folder lists --folder 'with space' joe@example.org
  smmap mailbox add --state disabled '"quo ted"@example.org'
  smmap mailbox add --folder news @example.org           # a shared folder of a domain`,
    list: 'Prints the addresses, ordered by domain.',
    import: `
Format list, one mailbox a line; blank lines are left out, and what is behind a # that starts a word:
  fred@example.org
  "quo ted"@example.org state=overquota value=/var/mail/quo
  joe@example.org folder=lists folder="with space" state=disabled

Format passwd, as in passwd(5); uid:gid:home becomes the value. Format dovecot, a passwd-file of Dovecot:
  fred:x:1000:1000:Fred:/home/fred:/bin/sh
  wilma@example.org:{PLAIN}secret:5000:5000::/var/mail/wilma

Format postmap, a table in which Postfix looks for recipients, such as relay_recipient_maps; a path becomes the value:
  fred@example.org       OK
  wilma@example.org      example.org/wilma/

Format cyrus, what ctl_mboxlist -d of Cyrus 3.6 and later prints (docs/cyrus.md). One that was cut off is refused as a whole;
it may be short for other reasons, so it does not go with --replace.
${RULES}

Examples:
  smmap mailbox import list.txt
  smmap mailbox import --format passwd --default-domain example.org /etc/passwd
  smmap mailbox import --format dovecot --replace /etc/dovecot/users
  smmap mailbox import --format postmap /etc/postfix/relay_recipients
  su cyrus -s /bin/sh -c 'ctl_mboxlist -d' | smmap mailbox import --format cyrus --default-domain example.org -`,
    export: `
Format list, as import reads it:
  fred@example.org folder=lists

Format fqdnroutes, for ZMailer, sorted for a relation of type ordered. In --route, %u and %d stand for local part and
domain, and %0 to %5 are left for ZMailer:
  fred@example.org smtp-lmtp!localhost!fred%2
${OUTPUT}

Examples:
  smmap mailbox export > mailboxes.txt
  smmap mailbox export --format fqdnroutes --route 'smtp-lmtp!localhost!%u%2' --output /var/mail/db/fqdnroutes`,
  },
  alias: {
    summary: 'keep aliases in the embedded store',
    description: 'Keeps the aliases of the embedded store, and the catch-alls of its domains.',
    name: 'address',
    plural: 'aliases',
    add: 'Adds targets to an alias, which is made where it is not there. A running daemon answers them at its next lookup.',
    examples: `
Examples:
  smmap alias add sales@example.org fred@example.org wilma@example.net
  smmap alias add --replace sales@example.org joe@example.org
  smmap alias add @example.org fred@example.org          # whatever else is in that domain`,
    list: 'Prints the aliases with their targets, ordered by domain.',
    import: `
Format virtual, as in virtual(5) of Postfix. A line that starts with a blank continues the one before; a domain alone is
hosted, with aliases only (smmap domain remove undoes that, and --replace does not):
  example.net            anything
  sales@example.net      fred@example.org,
      wilma@example.org
  @example.net           joe@example.org
Commas, semicolons and blanks separate targets; names, comments and angle brackets are dropped.

Format virtusertable, of Sendmail. An error:nouser is left out, since an address in no line is refused anyway:
  info@example.org       fred
  @example.net           %1%3@example.org

Format aliases, as in aliases(5) of Sendmail and Postfix. Programs and files stay with the mail server; a backslash at
the end of a line continues it:
  postmaster: fred, wilma@example.org
${RULES}

Examples:
  smmap alias import /etc/postfix/virtual
  smmap alias import --format virtusertable /etc/mail/virtusertable
  smmap alias import --format aliases --default-domain example.org --replace /etc/aliases`,
    export: `
Format virtual, as import and Postfix read it, with the domains that have aliases only:
  sales@example.org fred@example.org, wilma@example.org

Format virtusertable, for makemap(8) of Sendmail, which has one target for each:
  info@example.org<TAB>fred@example.org

Format fqdnaliases, for ZMailer, sorted for a relation of type ordered:
  sales@example.org fred@example.org,wilma@example.org
${OUTPUT}

Examples:
  smmap alias export > virtual
  smmap alias export --format fqdnaliases --output /var/mail/db/fqdnaliases
  smmap alias export --format virtusertable --partial --output /etc/mail/virtusertable`,
  },
  domain: {
    summary: 'keep hosted domains in the embedded store',
    description: 'Keeps the hosted domains of the embedded store.',
    name: 'domain',
    plural: 'domains',
    add: 'Adds domains, or gives them another class. One that has a mailbox is hosted without that.',
    examples: `
Examples:
  smmap domain add example.org example.net
  smmap domain add --class relay example.com`,
    list: 'Prints the domains with their classes, also those that have mailboxes and were not added.',
    import: `
One domain a line, with its class behind it where that is not mailbox; blank lines, and what is behind a #, are left out:
  example.org
  example.net alias
  example.com relay
${RULES}

Examples:
  smmap domain import /etc/mail/local-host-names
  smmap domain import --replace domains.txt`,
    export: `
One domain a line with its class, as import reads it. A domain that has a mailbox and was not added is not among them:
  example.com relay
${OUTPUT}

Example:
  smmap domain export --output domains.txt`,
  },
  table: {
    summary: 'keep tables of keys and values in the embedded store',
    description: 'Keeps tables of the embedded store, in which keys have values.',
    name: 'key',
    plural: 'keys',
    add: 'Sets the value of a key. A running daemon answers it at its next lookup.',
    examples: `
Examples:
  smmap table add access spammer.example 'REJECT go away'
  smmap table add transport example.org 'lmtp:unix:/run/lmtp'`,
    list: 'Prints the lines of a table, or the names of all tables.',
    import: `
Format makemap, a key and its value a line, as in access and mailertable of Sendmail; lines that start with # are left out:
  Connect:192.0.2.7      REJECT
  example.net            esmtp:[mail.example.net]

Format postmap, the same, where a line that starts with a blank continues the one before:
  example.com            smtp:[gateway.example.com]:10025
${RULES}

Examples:
  smmap table import access /etc/mail/access
  smmap table import --format postmap --replace transport /etc/postfix/transport`,
    export: `
One key a line and its value behind a tab, as import and makemap(8) read it:
  example.net<TAB>esmtp:[mail.example.net]
${OUTPUT}

Examples:
  smmap table export access > access.txt
  smmap table export --output /etc/mail/mailertable mailertable`,
  },
};
