import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import type { Missing } from '../real/part.ts';

/** What a real getent needs to have accounts of its own here: a mount namespace, and a source of NSS that can fail. */
export const accountsPart: object | Missing = lackOfParts();

/**
 * A source of accounts for NSS: the file `remote` in its folder. The first character of the file `mode` says how it
 * fails: unavailable, try again, hangs.
 */
const SOURCE = `
#include <errno.h>
#include <nss.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static FILE *at(const char *name) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", getenv("SMMAP_ACCOUNTS"), name);
  return fopen(path, "r");
}
enum nss_status _nss_smmap_getpwnam_r(const char *name, struct passwd *found, char *buffer, size_t size, int *error) {
  FILE *mode = at("mode");
  int how = mode ? fgetc(mode) : 'w';
  if (mode) fclose(mode);
  if (how == 'u') { *error = ECONNREFUSED; return NSS_STATUS_UNAVAIL; }
  if (how == 't') { *error = EAGAIN; return NSS_STATUS_TRYAGAIN; }
  if (how == 'h') sleep(30);
  FILE *file = at("remote");
  struct passwd *next;
  while (file && fgetpwent_r(file, found, buffer, size, &next) == 0)
    if (strcmp(found->pw_name, name) == 0) { fclose(file); return NSS_STATUS_SUCCESS; }
  if (file) fclose(file);
  *error = ENOENT;
  return NSS_STATUS_NOTFOUND;
}
`;

const INSIDE =
  'mount --bind "$0/nsswitch.conf" /etc/nsswitch.conf && mount --bind "$0/passwd" /etc/passwd && ' +
  'LD_LIBRARY_PATH="$0" SMMAP_ACCOUNTS="$0" exec getent "$@"';

/** Makes the files of accounts in a folder. Returns the command of a getent that knows these, and no others. */
export function makeAccounts(folder: string, local: readonly string[], remote: readonly string[] | null): string[] {
  const linesOf = (names: readonly string[], from: number): string =>
    names.map((name, at) => `${name}:x:${from + at}:${from + at}::/home/${name}:/bin/sh\n`).join('');
  writeFileSync(
    `${folder}/passwd`,
    `root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/:/bin/sh\n${linesOf(local, 1_000)}`,
  );
  writeFileSync(`${folder}/nsswitch.conf`, `passwd: files${remote === null ? '' : ' smmap'}\n`);
  if (remote !== null) {
    writeFileSync(`${folder}/remote`, linesOf(remote, 2_000));
    writeFileSync(`${folder}/source.c`, SOURCE);
    execFileSync('gcc', ['-shared', '-fPIC', '-o', `${folder}/libnss_smmap.so.2`, `${folder}/source.c`]);
  }
  return ['unshare', '-m', 'sh', '-c', INSIDE, folder];
}

function lackOfParts(): object | Missing {
  const lack = (missing: string): Missing => ({ name: 'a getent with accounts of its own', missing });
  if (userInfo().uid !== 0) return lack('only root can mount other files over those of the accounts');
  if (spawnSync('unshare', ['-m', 'true']).status !== 0) return lack('unshare -m is not allowed here');
  return spawnSync('gcc', ['--version']).status === 0
    ? {}
    : lack('install gcc: it makes a source of accounts that fails');
}
