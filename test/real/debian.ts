// A throw-away Debian in which the documents are typed: /usr is this machine's with Debian's packages laid over it, and
// /etc, /var, /run, /root, the host's name and the network are its own.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { vi } from 'vitest';
import { type Result, run } from './command.ts';
import { PROGRAMS } from './debian-programs.ts';
import { makeTrustedFolder } from './mta.ts';
import type { Missing } from './part.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const WAIT_MS = 30_000;
/** In this order, as `install` of docs/install.md finds them before those of the machine. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** A Debian that runs. */
export interface Debian {
  /** Types lines into a shell of root, in a clone of the project that is built. */
  type(lines: string): Promise<Result>;
  /** The same up to the first command that fails, and then fails too; resolves to what they printed. */
  done(lines: string): Promise<string>;
  /** As `done`, but with the programs of this machine, below which the Debian is the folder $ROOT. Only for a whole one. */
  besides(lines: string): Promise<string>;
  /** Ends it with all that was started in it. */
  stop(): Promise<void>;
}

/** What can start one that has the given folders below `parts`. */
export async function findDebian(
  parts: string,
  folders: readonly string[],
): Promise<{ start: () => Promise<Debian> } | Missing> {
  const absent = folders.find((folder) => !existsSync(join(parts, folder, 'usr')));
  if (absent !== undefined) return { name: absent, missing: `not unpacked below ${parts}; run test/real/parts.sh` };
  trial ??= trySo();
  return (await trial) ?? { start: () => startDebian(scriptOf(folders.map((folder) => join(parts, folder)))) };
}

/** A whole Debian of mmdebstrap below `parts`, of which each start has a copy. */
export async function findRoot(parts: string, suite: string): Promise<{ start: () => Promise<Debian> } | Missing> {
  const root = join(parts, `root-${suite}`);
  if (!existsSync(root)) return { name: suite, missing: `no ${root}; run test/real/roots.sh` };
  trial ??= trySo();
  return (await trial) ?? { start: () => startDebian(scriptOfRoot(root)) };
}

let trial: Promise<Missing | null> | undefined;

/** Whether one can run here at all; else why not. */
async function trySo(): Promise<Missing | null> {
  const name = 'a throw-away Debian';
  if (process.getuid?.() !== 0) return { name, missing: 'needs root, for namespaces of its own' };
  try {
    await (await startDebian(scriptOf([]))).stop();
    return null;
  } catch (error) {
    return { name, missing: String(error) };
  }
}

async function startDebian(made: string): Promise<Debian> {
  const folder = await makeTrustedFolder();
  const namespaces = ['--mount', '--net', '--uts', '--ipc', '--pid', '--fork', '--mount-proc', '--kill-child=KILL'];
  const script = ['--propagation=private', '--', 'sh', '-c', made, 'sh', folder];
  const child = spawn('setpriv', ['--pdeathsig=KILL', '--', 'unshare', ...namespaces, ...script], {
    env: { PATH },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  }
  const closed = new Promise<void>((resolve) => {
    child.on('error', () => resolve());
    child.on('close', () => resolve());
  });
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await closed;
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const over = (): boolean => child.exitCode !== null || child.signalCode !== null;
    await vi.waitUntil(() => said.endsWith('ready\n') || over(), { timeout: WAIT_MS, interval: 20 });
    if (over()) throw new Error('it ended');
  } catch (error) {
    await stop();
    throw new Error(`no throw-away Debian: ${said}`, { cause: error });
  }
  const enter = ['--mount', '--net', '--uts', '--ipc', `--pid=/proc/${child.pid}/ns/pid_for_children`];
  const typeInto = (shell: readonly string[], lines: string): Promise<Result> =>
    run('nsenter', [...enter, '-t', `${child.pid}`, '--', ...shell, '-c', lines], {
      env: { PATH, HOME: '/root', LANG: 'C.UTF-8', ROOT: join(folder, 'seen') },
    });
  const type = (lines: string): Promise<Result> => typeInto(['sh'], `cd /srv/smmap\n${lines}`);
  const outputOf = (lines: string, { code, stdout, stderr }: Result): string => {
    if (code !== 0) throw new Error(`${lines}\nended with ${code}: ${stdout}${stderr}`);
    return stdout;
  };
  return {
    type,
    done: async (lines) => outputOf(lines, await type(`set -e\n${lines}`)),
    besides: async (lines) =>
      outputOf(lines, await typeInto(['chroot', '/srv/old', 'sh'], `set -e\ncd '${ROOT}'\n${lines}`)),
    stop,
  };
}

/** Makes it, below a shell that is process 1 there and waits for all that end. If a step fails, so does it. */
function scriptOf(places: readonly string[]): string {
  const node = basename(process.execPath);
  return `set -e
mount -t tmpfs -o mode=755 tmpfs "$1"
cd "$1"
mkdir upper work etc
mount -t overlay -o 'lowerdir=${places.map((place) => `${place}/usr:`).join('')}/usr,upperdir=upper,workdir=work' overlay /usr
cp -a /etc/alternatives /etc/login.defs /etc/pam.d /etc/security etc
local=/usr/local/lib
mkdir -p $local/smmap/node_modules $local/node
for each in ${places.map((place) => `'${place}'`).join(' ')}; do
  [ ! -d "$each/etc" ] || cp -a "$each/etc/." etc
  name=$local/parts/$(basename "$each")
  mkdir -p $name
  mount --bind "$each/libs" $name
  echo $name >> etc/ld.so.conf
done
mount --bind '${dirname(process.execPath)}' $local/node
ln -sf ../lib/node/${node} /usr/local/bin/node
cp -r ${['dist', 'package.json', 'systemd'].map((name) => `'${join(ROOT, name)}'`).join(' ')} $local/smmap
mount --bind '${join(ROOT, 'node_modules')}' $local/smmap/node_modules
${Object.entries(PROGRAMS).map(writing).join('')}${Object.entries(ETC)
    .map(([name, text]) => `cat > etc/${name} <<'END'\n${text}END\n`)
    .join('')}sed 's/^\\([^:]*:x\\):\\([0-9]*\\):.*/\\1:\\2:/' etc/passwd > etc/group
sed 's/^\\([^:]*\\):.*/\\1:*:20000::::::/' etc/passwd > etc/shadow
echo 'postdrop:x:120:' >> etc/group
mount --bind etc /etc
cd /
for each in /run /var /root /srv; do mount -t tmpfs -o mode=755 tmpfs $each; done
mkdir -p /var/lib /var/spool /var/log /var/tmp /var/backups /var/cache /srv/smmap /etc/systemd/system
install -d -m 2775 -g mail /var/mail
ln -s /run /var/run
cp -r $local/smmap/systemd /srv/smmap
/sbin/ldconfig -X
hostname mail.example.org
ip link set lo up
echo ready
while :; do sleep 86400 & wait; done`;
}

/** Makes a copy of a whole system, whose /srv/smmap has what `npm run deb` has made, if it was, and /srv/old this machine. */
function scriptOfRoot(root: string): string {
  return `set -e
mount -t tmpfs -o mode=755 tmpfs "$1"
cd "$1"
mkdir upper work root seen
mount -t overlay -o 'lowerdir=${root},upperdir=upper,workdir=work' overlay root
cd root
mkdir -p srv/smmap/build srv/old
cp "$(command -v node)" srv/smmap/build
find '${join(ROOT, 'build')}' -maxdepth 1 -name '*.deb' -exec cp -t srv/smmap/build {} +
mount -t proc proc proc
mount -t tmpfs -o mode=755 tmpfs run
mount --rbind /dev dev
hostname mail.example.org
ip link set lo up
mount --rbind . ../seen
pivot_root . srv/old
cd /
echo '127.0.0.1 localhost mail.example.org' > /etc/hosts
echo ready
while :; do sleep 86400 & wait; done`;
}

const writing = ([name, text]: readonly [string, string]): string =>
  `cat > /usr/local/sbin/${name} <<'END'\n#!/bin/sh\n${text}END\nchmod 755 /usr/local/sbin/${name}\n`;

const ETC = {
  passwd: `root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
mail:x:8:8:mail:/var/mail:/bin/false
nobody:x:65534:65534:nobody:/nonexistent:/bin/false
smmta:x:111:111::/var/lib/sendmail:/bin/false
smmsp:x:112:112::/var/lib/sendmail:/bin/false
postfix:x:113:113::/var/spool/postfix:/bin/false
Debian-exim:x:114:114::/var/spool/exim4:/bin/false
opensmtpd:x:115:115::/var/lib/opensmtpd/empty:/bin/false
opensmtpq:x:116:116::/var/lib/opensmtpd/empty:/bin/false
alice:x:1000:1000::/home/alice:/bin/sh
`,
  hosts: '127.0.0.1 localhost\n127.0.1.1 mail.example.org mail\n',
  hostname: 'mail.example.org\n',
  mailname: 'mail.example.org\n',
  'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files\nservices: files\nprotocols: files\n',
  services: 'smtp 25/tcp mail\nsubmission 587/tcp\n',
};
