export const EXIT_CODES = `
Exit codes: 0 done, 1 not found, 64 usage, 65 bad input, 69 not available, 70 a bug, 73 cannot listen or create a file,
74 cannot connect, read or write, 75 try again, 76 not the protocol, 78 configuration.`;

export const SERVE_HELP = `
SIGHUP: reads the configuration again, without closing a connection. If it has a mistake, nothing changes.
SIGTERM: answers the requests it has, half-closes, and ends when the clients have closed (see limits.stop_ms).
SIGINT, or a second signal: ends at once. A live Sendmail session then fails.

To upgrade without losing a lookup (systemctl restart smmap does the same for smmap.service):
  smmap serve --config /etc/smmap/smmap.toml --takeover`;

export const CHECK_HELP = `
With --stores, root becomes the user of smmap.service (or the user smmap, or --user) before it reads anything: what the
daemon may not read or ask shows here too. Each finding says what to type, such as the GRANT that is missing.

Exit codes, if several are possible the first of them:
  78 a mistake in the configuration, a missing package, a file or folder that is missing or that the daemon may not use,
  65 data to correct: a loop of aliases, a kind that was never filled, a canary that is absent,
  69 a store that cannot be asked: it does not answer, or it refuses the password or the query, 0 none of these.

Examples:
  smmap check && systemctl reload smmap
  smmap check --stores
  smmap check --stores --json | jq -r 'select(.severity == "error").remedy'`;

export const RELEASE_HELP = `
smmap stores shows which list is held back, and what is gone. Look at the list first: who is gone from it is refused then.

Exit codes: 0 the new list is in use, 1 none is held back, 69 no daemon, no such store, or the list cannot be taken now: it
is being written, or is not whole.

Example:
  smmap stores release list`;

export const RELOAD_HELP = `
If the daemon refuses the configuration, it keeps the old one, and this command says why: exit code 78 for a mistake, with
the file, the key and the remedy; 73 for a listener that cannot be opened; 69 if no daemon has that control socket.

Examples:
  smmap reload
  smmap check && smmap reload`;

export const TOP_HELP = `
q or Ctrl-C ends it. It fits a terminal of 80x24; a larger one shows more. Every state stands in words; the colours only
repeat it, and NO_COLOR turns them off. p50 and p99 say what half of the answers, and 99 of 100, took at most. They are of the
last minute at most; with --once, since the start of the daemon. It asks the control socket; what is not in the metrics is not
here (docs/metrics.md).

Examples:
  smmap top
  ssh -t mail.example.org smmap top
  smmap top --json | jq -r '.stores[] | select(.isTroubled).name'`;

export const HEALTH_HELP = `
Exit codes: 0 healthy, 1 not healthy, or no daemon answers within 5 s. With --ready, 1 also if it is not ready.
Restart a daemon that is not healthy. If it is only not ready, a restart does not help: an administrator must fill the
store, or find out why its canary is absent; until then its mail is deferred, and none is refused.

Examples:
  smmap health || systemctl restart smmap
  smmap health --json | jq -r '.unready[]'`;

export const CONFIG_HELP = `
Which file: that of --config, else that of $SMMAP_CONFIG, else /etc/smmap/smmap.toml if it exists, else the defaults. All
commands use the same. Passwords are not printed: the configuration has only the names of their files. Header fields of HTTP
stores, and keys in their URLs, are printed as "...".

Examples:
  smmap config --diff
  smmap config --json | jq -r .listen.mta.path`;

export const DOCTOR_HELP = `
It finds: a map that a mail server asks and the configuration lacks, and the reverse; a socket that a mail server does not
reach (tried with the rights of its user) or does not see from its chroot; a domain of alias_domains that Postfix does not
have; Exim's ACL rule that counts deferred recipients as bad ones; folders in which Sendmail refuses a socket; a daemon that
does not run, is older than the installed smmap, or may open too few files; stores that fail;
and what smmap check finds.

Exit codes: 0 nothing is wrong (there may be warnings), otherwise as smmap check: 78, 65, 69.

Examples:
  smmap doctor
  smmap doctor --json | jq -r '.commands[]?'`;

export const PROBE_HELP = `
Prints KEY<TAB>REPLY for each key. The exit code is that of the worst reply:
  0 all OK, 1 some NOTFOUND, 75 some TEMP or TIMEOUT (or no reply in time), 69 some PERM,
  76 a reply that breaks the protocol, 74 no connection.

Examples:
  smmap probe fred@example.org
  smmap probe --server tcp:127.0.0.1:2004 --map cyrus fred+lists@example.org
  smmap mailbox list | smmap probe - | grep -v 'OK'`;

export const EXPLAIN_HELP = `
Prints each step: how the key was read and which setting decided, each store that was asked with its answer and time, the
cache, the canary, each alias, and the second look before a refusal. Then the reply, what each mail server tells the SMTP
client, and what to do if the reply is wrong. The daemon answers as it answers a mail server: it caches and counts what it
asks. It does not log it. The exit code is that of smmap probe: 0 OK, 1 NOTFOUND, 75 TEMP, 69 PERM, 74 no daemon.

Examples:
  smmap explain fred@example.org
  smmap explain --map virtuser info@example.org
  smmap explain --offline fred+lists@example.org
  smmap explain --json fred@example.org | jq .reply`;

export const DIFF_HELP = `
Each side is asked as [map.NAME] asks its stores, but that side alone, so the result is what a mail server would get. The
default is the map mailbox; aliases need --map with the name of a map of kind alias. A name without a [map.NAME] is that of
[map."*"]. No daemon is asked.

A line has the key and what each side says, with tabs between them. Values are compared if the map replies with them: the
targets of an alias in any order, the values of a table, and mailboxes with reply = "value". Otherwise only whether it is
found counts. A line @example.org stands for all other addresses of the domain, and one of these is asked. postmap is asked
for the address, and then for @example.org, as Postfix does; Postfix's search without a detail is left out.

Without a list, all records of the first store are asked (drivers embedded, memory and file; not for a map of kind domain).
What only the second one has is not among them: run it again with the stores the other way round, or with the keys of the
old table, as in the second example.

Exit codes: 0 all are the same, 1 at least one differs, 64 usage, 65 a bad list, or nothing to compare, 69 at least one could
not be compared, because a store or postmap failed. A failure is a line, too, and never counts as an absence.

Examples:
  smmap diff --store local --store sql
  postmap -s hash:/etc/postfix/virtual | cut -f1 |
    smmap diff --store local --with postmap:hash:/etc/postfix/virtual --map alias -
  smmap diff --store local --store sql --json list.txt | jq -r 'select(.result == "only_a").key'`;

export const SHADOW_HELP = `
A map with shadow = "accept" in its [map.NAME] is only tried: it refuses nobody and defers nobody. docs/shadow.md shows how to
put smmap in front of a working mail server in this way.

Examples:
  smmap shadow report --since 24h
  smmap shadow clear`;

export const SHADOW_REPORT_HELP = `
It prints a line for each address that would have been refused or deferred:
  look      accepted before by the same map, asked again over more than an hour, disabled, over quota, or a role such as
            postmaster; and what is TEMP until somebody changes something. Ask why: smmap explain ADDRESS
  differs   with shadow = "another map": would be accepted, or has another value
  unclear   asked again, but within an hour
  probe     asked once, or only within a minute: mostly addresses that somebody guessed
  deferred  TEMP for a while, such as the outage of a store
With --since, an address counts if it was asked in this time; its count and its first time go back further. The newest
100000 records are kept. They are written every two seconds.

Exit codes: 0 nothing would be refused, deferred or otherwise, 1 something would, 64 usage, 65 nothing was asked, or no map is
in shadow, 74 the records cannot be read.

Examples:
  smmap shadow report --since 24h
  smmap shadow report --map mailbox --json | jq -r 'select(.group == "look").key'
  smmap shadow report | smmap log reveal                # with [log] keys = "hash"`;

export const REVEAL_HELP = `
With [log] keys = "hash", the log has hashes in the place of addresses. Only the secret of the daemon reveals them: run this
as root, or as the user of the daemon. The exit code is 65 if a hash was made with another secret.

Examples:
  journalctl -u smmap -o cat --since -1h | smmap log reveal | grep fred@example.org
  smmap log reveal hash:q1ZtUx...`;

export const CACHE_HELP =
  'Shows or forgets what the running daemon has cached. A store has a cache if its [store.NAME] has cache = {}.';

/** The commands of `smmap cache`. */
export const CACHE_COMMANDS = {
  show: {
    argument: '[name...]',
    description:
      'Prints what is cached about an address, @domain or the key of a table, or everything. Exit code 1 if nothing is.',
  },
  forget: {
    argument: '<name...>',
    description:
      'Forgets what is cached about an address, @domain or the key of a table. The store is then asked again.',
  },
  clear: {
    argument: '[store...]',
    description: 'Forgets everything that is cached of the named stores (default: of all stores).',
  },
} as const;

export const MTA_HELP = `
Exit code 78 if the configuration lacks something that the mail server needs, with the lines to add; 73 if --write would
overwrite a file. docs/mta.md has a section for each mail server. procmail is a setup of two Sendmails, with virtual users
whose mail procmail delivers.

Without --lmtp, the mail goes to unix:/run/cyrus/socket/lmtp, except for postfix: there the delivery stays as it is. What is
printed for postfix are commands for the shell of root. Print it on the machine of Postfix: then it keeps what is set there.

--test runs the tests at the end of the printout, on the machine of the mail server, and changes nothing: ok; FAILED, with
what was printed; look, if only you can judge it; skipped, if a program is not here. Exit code 0, 1 if a test failed, 69 if
neither the mail server nor swaks is here.

Examples:
  smmap mta postfix
  smmap mta sendmail --write /root/smmap-sendmail --lmtp tcp:127.0.0.1:2003
  smmap mta sendmail --test wilma@example.org`;

export const TABLE_OPENSMTPD_HELP = `
OK is found, NOTFOUND is not-found, and everything else is an error: smtpd defers. It connects again by itself, and does not
end before smtpd does. See smtpd-tables(7) and docs/mta.md.

In smtpd.conf:
  table "mailbox" smmap:/run/smmap/smmap.sock
  match from any for rcpt-to <"mailbox"> action "smmap_mailboxes"

To try it by hand, type these three lines:
  config|tablename|mailbox
  config|ready
  table|0.1|0|mailbox|check|mailaddr|1|fred@example.org`;
