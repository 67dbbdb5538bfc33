#!/bin/sh
# Usage: roots.sh DIR SUITE...
#
# Makes a whole Debian of each suite, such as bookworm or sid, in DIR/root-SUITE: with systemd, swaks, Node where it is new
# enough, and, in /var/cache/apt/archives, all that `apt install` needs without a network to install any of the servers below.
# DIR/root-SUITE.lacks has a line for each package that the suite does not have. What is there stays; remove DIR to renew it.
# Needs root, and mmdebstrap. Takes a minute and 400 MB for each suite.
set -eu

[ $# -ge 2 ] || {
    echo 'usage: roots.sh DIR SUITE...' >&2
    exit 1
}
mkdir -p "$1"
cd "$1"
shift

# What a person types after `apt install`, as docs/mta.md has it. opensmtpd-extras has the tables of OpenSMTPD before 7.6.
servers='postfix
sendmail sendmail-cf m4 make patch
exim4-daemon-heavy
opensmtpd
opensmtpd-extras
dovecot-core dovecot-lmtpd
cyrus-imapd'

make() {
    rm -rf "root-$1" "making-$1" "making-$1.lacks"
    # Old lists are good enough: a suite that is not released has a mirror that says when they expire.
    mmdebstrap --quiet --variant=apt --aptopt='Acquire::Check-Valid-Until "false"' \
        --include=adduser,ca-certificates,less,libstdc++6,mount,netbase,procps,swaks,systemd,systemd-sysv "$1" "$PWD/making-$1"
    chroot "making-$1" apt-get -qq -o Acquire::Check-Valid-Until=false update
    : > "making-$1.lacks"
    # Debian 12 has Node 18: the tests bring a newer one.
    case $(chroot "making-$1" apt-cache show --no-all-versions nodejs | sed -n 's/^Version: //p') in
        1[0-9].*) ;;
        *) chroot "making-$1" apt-get -qq --yes --no-install-recommends install nodejs ;;
    esac
    echo "$servers" | while read -r packages; do
        # shellcheck disable=SC2086 # the packages are words
        chroot "making-$1" apt-get -qq --yes --no-install-recommends --download-only install $packages < /dev/null ||
            echo "$packages" >> "making-$1.lacks"
    done
    mv "making-$1.lacks" "root-$1.lacks"
    mv "making-$1" "root-$1"
}

code=0
for suite; do
    [ ! -d "root-$suite" ] || continue
    make "$suite" || code=1
done
exit "$code"
