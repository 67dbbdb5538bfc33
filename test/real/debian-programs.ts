// Programs of a throw-away Debian that stand in for those that cannot work there: no registry, no systemd, no terminal.

/** What a package's installer does after it has unpacked the files, and starts. */
const INSTALLED = {
  postfix: `
cp /usr/share/postfix/main.cf.debian /etc/postfix/main.cf
cp /usr/share/postfix/master.cf.dist /etc/postfix/master.cf
printf 'postmaster: root\\n' > /etc/aliases
postconf -e 'smtpd_relay_restrictions = permit_mynetworks permit_sasl_authenticated defer_unauth_destination' \\
  'myhostname = mail.example.org' 'alias_maps = hash:/etc/aliases' 'alias_database = hash:/etc/aliases' \\
  'myorigin = /etc/mailname' 'mydestination = $myhostname, mail.example.org, localhost.example.org, , localhost' \\
  'relayhost =' 'mynetworks = 127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128' 'mailbox_size_limit = 0' \\
  'recipient_delimiter = +' 'inet_interfaces = all' 'inet_protocols = all'
mkdir -p /var/spool/postfix
install -d -o postfix /var/lib/postfix
chgrp postdrop /usr/sbin/postdrop /usr/sbin/postqueue
chmod 2755 /usr/sbin/postdrop /usr/sbin/postqueue
newaliases
postfix check
/usr/lib/postfix/configure-instance.sh -
postfix start
`,
  sendmail: `
for each in sendmail sendmail-mta sendmail-msp; do ln -sf ../libexec/sendmail/sendmail /usr/sbin/$each; done
ln -sf /usr/share/sendmail/newaliases /usr/bin/newaliases
chgrp smmsp /usr/libexec/sendmail/sendmail
chmod 2755 /usr/libexec/sendmail/sendmail
mkdir -p /etc/cron.d /var/lib/sendmail
chown root:smmsp /etc/mail/sasl /etc/mail/tls
/usr/share/sendmail/update_sendmail || true
/etc/init.d/sendmail start
`,
  'exim4-daemon-heavy': `
cat > /etc/exim4/update-exim4.conf.conf <<'CONF'
dc_eximconfig_configtype='local'
dc_other_hostnames='mail.example.org'
dc_local_interfaces='127.0.0.1 ; ::1'
dc_readhost=''
dc_relay_domains=''
dc_minimaldns='false'
dc_relay_nets=''
dc_smarthost=''
CFILEMODE='644'
dc_use_split_config='false'
dc_hide_mailname=''
dc_mailname_in_oh='true'
dc_localdelivery='mail_spool'
CONF
printf 'postmaster: root\\n' > /etc/aliases
mkdir -p /var/lib/exim4
install -d -o Debian-exim -g Debian-exim -m 750 /var/spool/exim4
install -d -o Debian-exim -g adm -m 2750 /var/log/exim4
chmod 4755 /usr/sbin/exim4
update-exim4.conf
/etc/init.d/exim4 start
`,
  opensmtpd: `
printf 'postmaster: root\\n' > /etc/aliases
printf 'mail.example.org\\n' > /etc/mailname
mkdir -p -m 755 /var/lib/opensmtpd/empty
mkdir -p -m 711 /var/spool/smtpd
smtpd
`,
};

/** Packages that have nothing to be done, since they were unpacked. */
const UNPACKED = ['sendmail-cf', 'm4', 'make', 'patch', 'swaks', 'opensmtpd-extras'];

/** By their names. `systemctl` starts smmap as its unit does, but for the keeper and what only systemd can forbid. */
export const PROGRAMS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.entries(INSTALLED).map(([name, lines]) => [`install-${name}`, `set -e${lines}`])),
  apt: `[ "$1" = install ] || exit 100
shift
for each; do
  case " ${UNPACKED.join(' ')} " in
    *" $each "*) ;;
    *) [ -e /run/test-installed-$each ] || install-$each || { echo "E: cannot install $each"; exit 100; } ;;
  esac
  touch /run/test-installed-$each
done
`,
  journalctl: '[ "$1 $2" = "-u smmap" ] && exec cat /var/log/smmap\n',
  less: 'exec cat "$@"\n',
  npm: `case $* in
  ci) ;;
  'run --silent tarball') echo smmap.tgz ;;
  'install --global smmap.tgz')
    ln -sf ../lib/smmap/dist/main.js /usr/local/bin/smmap
    ln -sf ../lib/smmap/systemd/smmap-keeper /usr/local/bin/smmap-keeper ;;
  *) exit 1 ;;
esac
`,
  npx: 'exec "$@"\n',
  systemctl: `set -e
main() { cat /run/test-$1; }
end() { kill $(main smmap) 2>/dev/null || true; }
serve() {
  install -d -o smmap -g smmap -m 755 /run/smmap
  install -d -o smmap -g smmap -m 750 /var/lib/smmap
  grep -qx 'User=smmap' /etc/systemd/system/smmap.service
  command=$(sed -n 's/^ExecStart=smmap-keeper //p' /etc/systemd/system/smmap.service)
  groups=$(sed -n 's/^SupplementaryGroups=//p' /etc/systemd/system/smmap.service.d/*.conf 2>/dev/null || true)
  RUNTIME_DIRECTORY=/run/smmap STATE_DIRECTORY=/var/lib/smmap setsid setpriv --reuid=smmap --regid=smmap \\
    --groups=smmap\${groups:+,$groups} $command >> /var/log/smmap 2>&1 < /dev/null &
  echo $! > /run/test-smmap
  for try in $(seq 100); do
    if smmap stores > /dev/null 2>&1; then exit 0; fi
    sleep 0.1
  done
  exit 1
}
case $* in
  daemon-reload) ;;
  'enable --now smmap' | 'start smmap' | 'restart smmap') serve ;;
  'stop smmap') end ;;
  'reload smmap') exec smmap reload ;;
  'reload postfix') exec postfix reload ;;
  'restart sendmail') exec /etc/init.d/sendmail restart ;;
  'restart exim4') exec /etc/init.d/exim4 restart ;;
  'restart opensmtpd') pkill -x smtpd || true; exec smtpd ;;
  *) echo "no systemd here: $*" >&2; exit 1 ;;
esac
`,
};
