// Runs a real systemd as process 1 of namespaces of its own, with nothing but the units of a test, or in a whole Debian.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Result, run } from './command.ts';
import { makeTrustedFolder } from './mta.ts';
import type { Missing } from './part.ts';

const SYSTEMD = '/lib/systemd/systemd';
const WAIT_MS = 20_000;

/** What a systemd of a test finds. */
export interface Machine {
  /** A folder of its own, which only root can write. */
  readonly folder: string;
  /** A whole Debian, of which it gets a copy, with a systemd of its own; `folder`/run is its /run. Default: this machine. */
  readonly root?: string;
  /** Files below /etc, by their names there, beside users and groups. */
  readonly etc: Readonly<Record<string, string>>;
  /** Folders and what they are, in this order: `tmpfs`, another folder, or one below `folder` by its name there. */
  readonly mounts: readonly { readonly at: string; readonly from: string }[];
  /** Milliseconds after which a command beside it is killed. Default: as `run` has it. */
  readonly limitMs?: number;
}

/** A systemd that runs. */
export interface Init {
  /** Runs a command beside it, such as systemctl. */
  run(file: string, ...args: string[]): Promise<Result>;
  /** What it said up to now. */
  log(): string;
  /** Kills it with all that it started. */
  stop(): Promise<void>;
}

/** Whether one can run here; else why not. */
export async function findInit(): Promise<{ start: typeof startInit } | Missing> {
  const name = 'systemd';
  if (!existsSync(SYSTEMD)) return { name, missing: `there is no ${SYSTEMD}` };
  if (process.getuid?.() !== 0) return { name, missing: 'needs root, for namespaces of its own' };
  const folder = await makeTrustedFolder();
  try {
    await (await startInit({ folder, etc: {}, mounts: [] })).stop();
    return { start: startInit };
  } catch (error) {
    return { name, missing: `a systemd does not start in namespaces: ${String(error)}` };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const GROUPS = ['/sys/fs/cgroup/unified', '/sys/fs/cgroup/systemd'].filter((each) => existsSync(each));
if (GROUPS.length === 0) GROUPS.push('/sys/fs/cgroup');
let started = 0;

const NOTHING = '[Unit]\nDescription=Nothing\nDefaultDependencies=no\n';
/** Of a machine that has nothing else there. */
const ETC: Readonly<Record<string, string | Buffer>> = {
  'etc/passwd': 'root:x:0:0::/root:/bin/sh\nsmmap:x:59010:59010::/var/lib/smmap:/usr/sbin/nologin\n',
  'etc/group': 'root:x:0:\nsmmap:x:59010:\n',
  'etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files\n',
  'etc/hosts': '127.0.0.1 localhost\n',
  'etc/ld.so.cache': readFileSync('/etc/ld.so.cache'),
};

/** Resolves once it has reached its default target, which needs nothing; rejects with what it said. */
export async function startInit({ folder, root, etc, mounts, limitMs }: Machine): Promise<Init> {
  const files = {
    'etc/systemd/system/default.target': NOTHING,
    ...(root === undefined ? ETC : { 'etc/systemd/system/sysinit.target': NOTHING }),
    ...Object.fromEntries(Object.entries(etc).map(([name, text]) => [`etc/${name}`, text])),
  };
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  const group = `smmap-test-${process.pid}-${++started}`;
  const inside = root === undefined ? [INSIDE, folder] : [INSIDE_DEBIAN, folder, root];
  const script = ['--pdeathsig=KILL', '--', 'sh', '-c', OUTSIDE, 'sh', group, ...inside];
  const child = spawn('setpriv', [...script, ...mounts.flatMap(({ at, from }) => [at, from])], {
    env: { PATH: process.env['PATH'] ?? '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => (log += text));
  }
  const closed = new Promise<void>((resolve) => {
    child.on('error', () => resolve());
    child.on('close', () => resolve());
  });
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await closed;
    await removeGroups(group);
  };
  const enter = async (file: string, ...args: string[]): Promise<Result> =>
    run('nsenter', ['-t', pidOf(child), '--all', '--', file, ...args], limitMs === undefined ? {} : { limit: limitMs });
  try {
    await running(child, enter);
  } catch (error) {
    await stop();
    throw new Error(`${SYSTEMD} does not come up: ${log}`, { cause: error });
  }
  return { run: enter, log: () => log, stop };
}

/** The systemd itself: unshare is its parent. */
function pidOf(child: ChildProcess): string {
  return readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'latin1').trim();
}

/** Each with what systemd made below it; the kernel takes its time to see that nobody is in them any more. */
async function removeGroups(name: string): Promise<void> {
  for (let tries = 0; tries < 40; tries++) {
    const { code } = await run('find', [...GROUPS, '-depth', '-type', 'd', '-path', `*/${name}*`, '-delete']);
    if (code === 0) return;
    await sleep(50);
  }
}

async function running(child: ChildProcess, enter: Init['run']): Promise<void> {
  const late = Date.now() + WAIT_MS;
  for (;;) {
    await sleep(50);
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > late) throw new Error('it does not run');
    if (pidOf(child) === '') continue;
    const { stdout } = await enter('systemctl', 'is-system-running');
    if (/^(?:running|degraded)$/m.test(stdout)) return;
  }
}

/** A fresh cgroup in each hierarchy that systemd uses, which becomes the root of what it sees. */
const OUTSIDE = `set -e
group=$1 inside=$2
shift 2
for each in ${GROUPS.join(' ')}; do
  mkdir "$each/$group"
  echo $$ > "$each/$group/cgroup.procs"
done
exec unshare --cgroup --mount --pid --fork --uts --ipc --net --mount-proc --kill-child=KILL --propagation=private -- \\
  sh -c "$inside" sh "$@"`;

/** As a container would see the machine. */
const INSIDE = `set -e
folder=$1
shift
if [ -d /sys/fs/cgroup/unified ]; then
  mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
  mkdir /sys/fs/cgroup/unified /sys/fs/cgroup/systemd
  mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified
  mount -t cgroup -o none,name=systemd,xattr cgroup /sys/fs/cgroup/systemd
else
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi
mount --bind "$folder" /mnt
mount -t tmpfs -o mode=755 tmpfs /run
while [ $# -gt 0 ]; do
  mkdir -p "$1"
  case $2 in
    tmpfs) mount -t tmpfs -o mode=755 tmpfs "$1" ;;
    /*) mount --bind "$2" "$1" ;;
    *) mount --bind "/mnt/$2" "$1" ;;
  esac
  shift 2
done
mount --bind /mnt/etc /etc
umount /mnt
mount --make-rshared / # as systemd does outside of containers: what it mounts for a service, such as passwords, is seen
ip link set lo up
exec env -i container=lxc SYSTEMD_UNIT_PATH=/etc/systemd/system ${SYSTEMD} --system --log-target=console --show-status=no`;

/** A copy of a Debian, whose /run is that of the folder, for others to see. It has one hierarchy of cgroups, as Debian 13 needs. */
const INSIDE_DEBIAN = `set -e
folder=$1 root=$2
shift 2
ip link set lo up
mkdir -p "$folder/disk" "$folder/run"
mount -t tmpfs -o mode=755 tmpfs "$folder/disk"
cd "$folder/disk"
mkdir upper work root
mount -t overlay -o "lowerdir=$root,upperdir=upper,workdir=work" overlay root
cp -r "$folder/etc" root
cd root
mkdir -p srv/old
while [ $# -gt 0 ]; do
  mkdir -p ".$1"
  mount --bind "$2" ".$1"
  shift 2
done
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount --rbind /dev dev
mount --bind "$folder/run" run
pivot_root . srv/old
cd /
umount -l /srv/old
mount --make-rshared /
exec env -i container=lxc ${SYSTEMD} --system --log-target=console --show-status=no`;
