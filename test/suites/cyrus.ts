// Cyrus with the configuration of its package, and what its pages say of it.

import { openPage } from '../support/page.ts';

const page = openPage('docs/cyrus.md');
const [smmapd, starts] = [0, 1].map((nth) => page.take('1. Let Cyrus run smmapd', nth));
const store = openPage('docs/stores/cyrus.md');

/** After `apt install`: it has fred, postmaster and full, who is over quota. */
export const CYRUS = `sed -i '/^SERVICES {/r /dev/stdin' /etc/cyrus.conf <<'END'
${smmapd}admin cmd="imapd -N" listen="/run/cyrus/socket/admin" prefork=0
END
echo 'admins: cyrus' >> /etc/imapd.conf
${starts}
cat > /root/imap.pl <<'END'
use IO::Socket::UNIX;
my $socket;
for (1 .. 100) {
  last if $socket = IO::Socket::UNIX->new('/run/cyrus/socket/admin');
  select(undef, undef, undef, 0.1);
}
$socket or die "Cyrus does not listen: $!\\n";
readline($socket);
for my $command (@ARGV) {
  print $socket "t $command\\r\\n";
  my $line = '';
  $line = readline($socket) // die "$command: the end\\n" until $line =~ /^t /;
  die "$command: $line" unless $line =~ /^t OK/;
}
END
imap() { perl /root/imap.pl "$@"; }
imap 'LOGIN cyrus any' 'CREATE user.fred' 'CREATE user.postmaster' 'CREATE user.full'
imap 'LOGIN full any' "$(printf 'APPEND INBOX {2000+}\\r\\nSubject: x\\r\\n\\r\\n%01986d' 0)"
imap 'LOGIN cyrus any' 'SETQUOTA user.full (STORAGE 1)'
`;

/** The list, and the way to the socket of smmapd. */
export const LIST = `awk '/^# / { file = $2 } { print > file }' <<'END'
${store.take('The list')}END
systemctl daemon-reload && systemctl start cyrus-list && systemctl enable --now cyrus-list.timer
${page.take('3. Configure smmap')}`;

/** With the virtdomains of Debian's imapd.conf, a map needs this. */
export const ANY_DOMAIN = 'local_domains = ["*"]\n';

/** The store, and a map as the last. Debian's imapd.conf has dots between folders. */
export const STORE =
  store.take('Configuration', 0, 'toml').replace('driver = "cyrus"', '$&\nseparator = "."') + ANY_DOMAIN;
