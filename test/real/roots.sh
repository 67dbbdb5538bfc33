#!/bin/sh
# Usage: roots.sh DIR
#
# Makes whole Debian systems below DIR, each with its own Postfix, its systemd and, where Debian has one that is new
# enough, its own Node: root-bookworm (12) and root-trixie (13). In trixie, the packages of OpenSMTPD lie in
# /var/cache/apt/archives. Needs root, and mmdebstrap.
set -eu

[ $# -eq 1 ] && [ -n "$1" ] || {
    echo 'usage: roots.sh DIR' >&2
    exit 1
}
mkdir -p "$1"
cd "$1"

make() {
    suite=$1 packages=$2
    [ ! -e "root-$suite/usr/lib/systemd/systemd" ] || return 0
    rm -rf "making-$suite" "root-$suite"
    mmdebstrap --quiet --variant=apt --include="adduser,postfix,systemd,$packages" "$suite" "$PWD/making-$suite"
    if [ "$suite" = trixie ]; then
        chroot "making-$suite" sh -ec 'apt-get -qq update
            apt-get -qq --yes --no-install-recommends --download-only install opensmtpd
            rm -rf /var/lib/apt/lists/*'
    fi
    mv "making-$suite" "root-$suite"
}

make bookworm libstdc++6 &
make trixie nodejs
wait "$!"
