#!/bin/sh
# Runs `npm run fuzz` where Jazzer.js can guide it: in the Debian 13 that test/real/roots.sh makes. For a machine whose glibc
# is too old. Needs root. Usage: sh fuzz/debian-13.sh [--minutes N] TARGET...
set -eu
cd "$(dirname "$0")/.."
root=$PWD/.parts/root-trixie
[ -d "$root" ] || { echo "no $root: run test/real/roots.sh" >&2; exit 69; }
[ -d build/jazzer/node_modules ] || npm install --silent --no-package-lock --prefix build/jazzer @jazzer.js/core@4
npx tsc --project fuzz
folder=$(mktemp -d)
trap 'rmdir "$folder"' EXIT
unshare --mount --pid --fork --mount-proc --kill-child=KILL sh -euc '
  folder=$1 root=$2 here=$3
  shift 3
  mount -t tmpfs tmpfs "$folder"
  mkdir "$folder/upper" "$folder/work" "$folder/root"
  mount -t overlay -o "lowerdir=$root,upperdir=$folder/upper,workdir=$folder/work" overlay "$folder/root"
  cd "$folder/root"
  mount -t proc proc proc
  mount --rbind /dev dev
  mkdir -p ".$here"
  mount --bind "$here" ".$here"
  exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin NODE_PATH="$here/build/jazzer/node_modules" \
    chroot . sh -c "cd \"\$1\"; shift; exec node build/fuzz/main.js \"\$@\"" sh "$here" "$@"
' sh "$folder" "$root" "$PWD" "$@"
