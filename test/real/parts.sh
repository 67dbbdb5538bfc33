#!/bin/sh
# Usage: parts.sh DIR
#
# Unpacks the real Postfix, sendmail, procmail, Exim, OpenSMTPD, Cyrus and Dovecot, each into a
# folder of its own below DIR, and m4 with what makes sendmail's configuration. Nothing is
# installed: Debian's mail servers exclude each other. Libraries that the machine lacks
# go to DIR/<name>/libs, for LD_LIBRARY_PATH. Made for Debian 12; needs root only where
# the package lists are still empty.
set -eu
export LC_ALL=C

fail() {
    echo "parts.sh: $*" >&2
    exit 1
}

[ $# -eq 1 ] && [ -n "$1" ] || fail 'usage: parts.sh DIR'
mkdir -p "$1" || fail "cannot make the folder $1"
dir=$(cd "$1" && pwd)

work=
trap '[ -z "$work" ] || rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# Runs a chatty command; what it says is shown only if it fails.
quietly() {
    "$@" >"$work/log" 2>&1 || {
        cat "$work/log" >&2
        return 1
    }
}

# Whether apt has a candidate for each of the packages.
known() {
    [ "$(apt-cache policy "$@" | grep -c '^ *Candidate: [^(]')" -eq $# ]
}

# The libraries that the programs still lack. Another spelling of "not found"
# is a symbol version the machine's own libc does not have.
lacking() {
    for each in "$@"; do
        LD_LIBRARY_PATH=$work/tree/libs ldd "$work/tree/$each" 2>&1 | grep 'not found' || true
    done
}

# The library packages that the given ones depend on, as far as they are
# neither installed nor unpacked yet.
libraries() {
    apt-cache depends --important "$@" |
        awk '$1 ~ /Depends:$/ && $2 ~ /^lib/ { print $2 }' | sort -u |
        while read -r name; do
            case " $unpacked " in *" $name "*) continue ;; esac
            dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null |
                grep -qx installed || echo "$name"
        done
}

# Downloads and unpacks packages, the shared libraries all into one folder.
unpack() {
    rm -rf "$work/debs"
    mkdir -p "$work/debs" "$work/tree/libs"
    # Without the option, apt complains that its own user cannot write here.
    (cd "$work/debs" && quietly apt-get -q -o APT::Sandbox::User=root download "$@") ||
        fail "cannot download $* (an old package list? then run: apt-get update)"
    for deb in "$work"/debs/*.deb; do
        quietly dpkg -x "$deb" "$work/tree" || fail "cannot unpack ${deb##*/}"
    done
    # Dovecot finds its modules in their own folder, but for one that its programs are linked with.
    find "$work/tree" -path "$work/tree/libs" -prune -o -name 'lib*.so*' ! -type d \
        \( ! -path '*/dovecot/modules/*' -o -name libstats_auth.so \) -exec mv -f -t "$work/tree/libs" {} +
    unpacked="$unpacked $*"
}

# part NAME 'PROGRAM...' PACKAGE...
part() {
    name=$1 programs=$2 first=${2%% *}
    shift 2
    # The folder appears by a single rename at the very end: if it is there, it
    # is complete.
    [ ! -x "$dir/$name/$first" ] || return 0
    for tool in apt-get apt-cache dpkg ldd; do
        command -v "$tool" >/dev/null || fail "no $tool: this is not Debian"
    done
    work=$(mktemp -d "$dir/.$name.XXXXXX")
    unpacked=

    known "$@" || quietly apt-get -q -o APT::Update::Error-Mode=any update ||
        fail 'apt-get update failed (does it need root?)'
    known "$@" || fail "apt does not know all of: $*"

    unpack "$@"
    for program in $programs; do
        [ -f "$work/tree/$program" ] || fail "no $program in the packages $*"
    done
    wave=$*
    while missing=$(lacking $programs) && [ -n "$missing" ]; do
        # One more generation of dependencies in each turn.
        wave=$(libraries $wave)
        [ -n "$wave" ] || fail "$name lacks libraries:
$missing"
        unpack $wave
    done

    # A program with the set-group-ID bit would ignore LD_LIBRARY_PATH.
    for program in $programs; do
        chmod g-s "$work/tree/$program"
    done
    chmod 755 "$work/tree"
    # Fails if another run was faster; its folder is as good.
    mv -T "$work/tree" "$dir/$name" 2>/dev/null || [ -x "$dir/$name/$first" ] ||
        fail "cannot make the folder $dir/$name"
    rm -rf "$work"
    work=
}

sbin=usr/lib/postfix/sbin
part postfix "usr/sbin/postmap $sbin/master $sbin/smtpd $sbin/lmtp $sbin/tlsmgr" postfix
# The same with more kinds of tables, as modules: what the benchmark compares smmap with.
lib=usr/lib/postfix
part postfix-tables "usr/sbin/postmap $sbin/smtpd $lib/postfix-lmdb.so $lib/postfix-pgsql.so" \
    postfix postfix-lmdb postfix-pgsql
# The wrapper shows sendmail another hosts file, without which it may sleep.
part sendmail usr/libexec/sendmail/sendmail sendmail-bin libnss-wrapper
# Debian's own folder for Cyrus's programs, without the mail server that the
# package would pull in.
bin=usr/lib/cyrus/bin
part cyrus "$bin/master $bin/smmapd $bin/lmtpd $bin/imapd $bin/ctl_mboxlist" \
    cyrus-common cyrus-imapd cyrus-clients
# What makes sendmail.cf of an .mc file.
part m4 "usr/bin/m4 usr/bin/patch" m4 patch sendmail-cf
# What makes Debian's own configuration of sendmail, and what the documents ask a mail server with.
part sendmail-config 'usr/sbin/sendmailconfig usr/bin/make' sendmail-base make
part swaks usr/bin/swaks swaks
part procmail usr/bin/procmail procmail
part exim usr/sbin/exim4 exim4-daemon-heavy
# The configuration of Debian, and the one of Exim itself (examples/example.conf).
part exim-config usr/sbin/update-exim4.conf exim4-config exim4-base
extras=usr/libexec/opensmtpd
part opensmtpd "usr/sbin/smtpd $extras/mail.lmtp $extras/table-socketmap" opensmtpd opensmtpd-extras
bin=usr/lib/dovecot
part dovecot "usr/sbin/dovecot usr/bin/doveconf $bin/auth $bin/lmtp $bin/quota-status $bin/modules/libdriver_pgsql.so" \
    dovecot-core dovecot-lmtpd dovecot-sqlite dovecot-pgsql
# The databases. Each test starts its own, in a folder of its own.
bin=usr/lib/postgresql/15/bin
part postgresql "$bin/postgres $bin/initdb $bin/pg_ctl $bin/pg_basebackup $bin/psql" postgresql-15 postgresql-client-15
part mariadb "usr/sbin/mariadbd usr/bin/mariadb usr/bin/my_print_defaults" \
    mariadb-server mariadb-server-core mariadb-client mariadb-client-core mariadb-common
part slapd "usr/sbin/slapd usr/bin/ldapadd" slapd ldap-utils
part redis "usr/bin/redis-check-rdb usr/bin/redis-cli" redis-server redis-tools redis-sentinel
# What checks the metrics and the alert rules.
part prometheus 'usr/bin/promtool usr/bin/prometheus' prometheus
