#!/bin/sh
# Gets other socket map servers into a folder, at fixed commits, and builds those that need it:
#   sh peers/get.sh FOLDER [MIRROR]
# On Debian 12 it needs: git cmake gcc make golang-go libconfuse-dev curl perl systemd
# python3-aiohttp python3-aiodns python3-yaml
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cd "$1"
mirror=${2:-https://github.com}

get() { # OWNER/NAME COMMIT
    name=${1#*/}
    [ -d "$name" ] || git clone --quiet "$mirror/$1" "$name"
    git -C "$name" checkout --quiet --detach "$2"
}

get roehling/postsrsd ad76f54
get Mailu/Mailu bbb1c20
get sdgathman/pysrs 446fcd8
get kgaughan/socketmap-sql d04ced1
get Snawoot/postfix-mta-sts-resolver a000619
get d--j/go-socketmap 46d6074
get vitalvas/postfix-socketmap-table 00bd5da

# Sendmail's sources are not on GitHub, but in the systems that have Sendmail.
sendmail=https://raw.githubusercontent.com/MidnightBSD/src/9f2dc6d1337728ab3190f215bd68449087242509/contrib
[ -f socketmapServer.pl ] || curl -sSfO "$sendmail/socketmapServer.pl"

cmake -S postsrsd -B postsrsd/build -DBUILD_TESTING=OFF >postsrsd/cmake.log
make -s -C postsrsd/build postsrsd >/dev/null

# Both libraries need other packages only for their clients and tests.
build() { # NAME FILE...
    library=$1
    shift
    mkdir -p "build-$library/socketmap"
    for file; do cp "$library/$file" "build-$library/socketmap/"; done
    cp "$here/$library/main.go" "build-$library/"
    printf 'module peer\n\ngo 1.19\n' >"build-$library/go.mod"
    (cd "build-$library" && go build -o server .)
}
build go-socketmap server.go socketmap.go
build postfix-socketmap-table backend.go handle.go netstring.go reply.go request.go server.go
