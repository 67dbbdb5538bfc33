import type { KindName } from './records/kind.ts';

export const REMOVE_ALIAS_HELP = `
If you name an alias and then one of its targets, nothing is removed (exit code 64): use --target to remove a target.

Examples:
  smmap alias remove --target wilma@example.org sales@example.org
  smmap alias remove sales@example.org`;

/** The help for a kind of record and its commands. */
interface KindHelp {
  readonly summary: string;
  readonly description: string;
  /** The name of an argument, and the plural of the kind. */
  readonly name: string;
  readonly plural: string;
  readonly add: string;
  readonly examples: string;
  readonly list: string;
  readonly import: string;
  readonly export: string;
}

const RULES = `
A line replaces the record with the same name. Records that are not in the list stay; with --replace they are removed.
An import is one transaction: the daemon sees all of it or nothing. Each bad line is reported with its number. The good
lines are imported; with --strict or --replace, a bad line means that nothing is imported (exit code 65 in both cases).

The list may have been cut off. So --replace refuses (exit code 65) a list that would remove more than ten records and more
than a tenth of them, unless --allow-removals allows that many. It also refuses a list whose last line has no line feed,
unless you give --allow-unended. --dry-run prints what would be done.`;

const OUTPUT = `
The file is replaced in one step, and keeps its mode and owner: a reader sees the old file or the new one. If the format
cannot express a record, the list has a comment instead, the record is named on standard error, and the exit code is 65.
With --partial, it is 0.`;

/** The kinds, by their command. */
export const HELP: Readonly<Record<KindName, KindHelp>> = {
  mailbox: {
    summary: 'manage the mailboxes of the embedded store',
    description: 'Manages the mailboxes of the embedded store.',
    name: 'address',
    plural: 'mailboxes',
    add: 'Adds mailboxes. A mailbox that exists gets the given state, value and additional folders. A running daemon uses them at its next lookup.',
    examples: `
Examples:
  smmap mailbox add fred@example.org wilma@example.org
  smmap mailbox add --folder lists --folder 'with space' joe@example.org
  smmap mailbox add --state disabled '"quo ted"@example.org'
  smmap mailbox add --folder news @example.org           # a shared folder of a domain`,
    list: 'Prints the addresses, sorted by domain.',
    import: `
Format list, one mailbox a line. Blank lines are ignored, and comments: a # that starts a word, and the text after it.
  fred@example.org
  "quo ted"@example.org state=overquota value=/var/mail/quo
  joe@example.org folder=lists folder="with space" state=disabled

Format passwd, as in passwd(5); the value becomes uid:gid:home. Format dovecot, a passwd-file of Dovecot:
  fred:x:1000:1000:Fred:/home/fred:/bin/sh
  wilma@example.org:{PLAIN}secret:5000:5000::/var/mail/wilma

Format postmap, a recipient table of Postfix, such as relay_recipient_maps; if the right side is a path, it is the value:
  fred@example.org       OK
  wilma@example.org      example.org/wilma/

Format cyrus, the output of ctl_mboxlist -d of Cyrus 3.6 or later (docs/cyrus.md). A list that was cut off is refused. It
may be incomplete for other reasons too, so --replace is not possible with it.
${RULES}

Examples:
  smmap mailbox import list.txt
  smmap mailbox import --format passwd --default-domain example.org /etc/passwd
  smmap mailbox import --format dovecot --replace /etc/dovecot/users
  smmap mailbox import --format postmap /etc/postfix/relay_recipients
  runuser -u cyrus -- /usr/lib/cyrus/bin/ctl_mboxlist -d |
    smmap mailbox import --format cyrus --default-domain example.org -`,
    export: `
Format list, as import reads it:
  fred@example.org folder=lists

Format postmap, a recipient table of Postfix, as import reads it. Disabled mailboxes are left out, so Postfix refuses them:
  fred@example.org example.org/fred/
  joe@example.org OK

Format fqdnroutes, for ZMailer, sorted for a relation of type ordered. In --route, %u is the local part and %d the domain;
%0 to %5 stay for ZMailer:
  fred@example.org smtp-lmtp!localhost!fred%2
${OUTPUT}

Examples:
  smmap mailbox export > mailboxes.txt
  smmap mailbox export --format postmap --output /etc/postfix/vmailbox
  smmap mailbox export --format fqdnroutes --route 'smtp-lmtp!localhost!%u%2' --output /var/mail/db/fqdnroutes`,
  },
  alias: {
    summary: 'manage the aliases of the embedded store',
    description: 'Manages the aliases and catch-alls of the embedded store.',
    name: 'address',
    plural: 'aliases',
    add: 'Adds targets to an alias, and creates the alias if it does not exist. A running daemon uses them at its next lookup.',
    examples: `
Examples:
  smmap alias add sales@example.org fred@example.org wilma@example.net
  smmap alias add --replace sales@example.org joe@example.org
  smmap alias add @example.org fred@example.org          # a catch-all for that domain`,
    list: 'Prints the aliases with their targets, sorted by domain.',
    import: `
Format virtual, as in virtual(5) of Postfix. A line that starts with a blank continues the line before it. A domain alone
becomes a hosted domain with aliases only; smmap domain remove removes it, --replace does not:
  example.net            anything
  sales@example.net      fred@example.org,
      wilma@example.org
  @example.net           joe@example.org
Commas, semicolons and blanks separate targets. Names, comments and angle brackets are removed.

Format virtusertable, of Sendmail. error:nouser is ignored, because an unknown address is refused anyway:
  info@example.org       fred
  @example.net           %1%3@example.org

Format aliases, as in aliases(5) of Sendmail and Postfix. Only the mail server can deliver to programs and files. A line
that ends with a backslash continues on the next line:
  postmaster: fred, wilma@example.org
${RULES}

Examples:
  smmap alias import /etc/postfix/virtual
  smmap alias import --format virtusertable /etc/mail/virtusertable
  smmap alias import --format aliases --default-domain example.org --replace /etc/aliases`,
    export: `
Format virtual, as import and Postfix read it, together with the domains that have aliases only:
  sales@example.org fred@example.org, wilma@example.org

Format virtusertable, for makemap(8) of Sendmail, which allows one target for each address:
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
    summary: 'manage the hosted domains of the embedded store',
    description: 'Manages the hosted domains of the embedded store.',
    name: 'domain',
    plural: 'domains',
    add: 'Adds domains, or changes their class. A domain that has a mailbox is hosted without being added.',
    examples: `
Examples:
  smmap domain add example.org example.net
  smmap domain add --class relay example.com`,
    list: 'Prints the domains with their classes, including domains that have mailboxes and were not added; with --all, alias domains of the configuration too.',
    import: `
One domain a line, then its class if that is not mailbox. Blank lines, and a # with the text after it, are ignored:
  example.org
  example.net alias
  example.com relay
${RULES}

Examples:
  smmap domain import /etc/mail/local-host-names
  smmap domain import --replace domains.txt`,
    export: `
One domain a line with its class, as import reads it. A domain that has a mailbox and was not added is not written:
  example.com relay
${OUTPUT}

Example:
  smmap domain export --output domains.txt`,
  },
  table: {
    summary: 'manage tables of keys and values in the embedded store',
    description: 'Manages the tables of keys and values of the embedded store.',
    name: 'key',
    plural: 'keys',
    add: 'Sets the value of a key. A running daemon uses it at its next lookup.',
    examples: `
Examples:
  smmap table add access spammer.example 'REJECT go away'
  smmap table add transport example.org 'lmtp:unix:/run/lmtp'`,
    list: 'Prints the lines of a table, or the names of all tables.',
    import: `
Format makemap, a key and its value a line, as in access and mailertable of Sendmail. Lines that start with # are ignored:
  Connect:192.0.2.7      REJECT
  example.net            esmtp:[mail.example.net]

Format postmap, the same, but a line that starts with a blank continues the line before it:
  example.com            smtp:[gateway.example.com]:10025
${RULES}

Examples:
  smmap table import access /etc/mail/access
  smmap table import --format postmap --replace transport /etc/postfix/transport`,
    export: `
One key a line, a tab and its value, as import and makemap(8) read it:
  example.net<TAB>esmtp:[mail.example.net]
${OUTPUT}

Examples:
  smmap table export access > access.txt
  smmap table export --output /etc/mail/mailertable mailertable`,
  },
};
