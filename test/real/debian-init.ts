// A throw-away Debian with a systemd of its own as process 1, on which packages are installed.

import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Debian } from './debian.ts';
import { type Init, type Machine, findInit, startInit } from './init.ts';
import { makeTrustedFolder } from './mta.ts';
import { type Missing, isMissing } from './part.ts';

const BUILD = fileURLToPath(new URL('../../build', import.meta.url));
const ENVIRONMENT = 'export HOME=/root LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** A Debian that runs its systemd. */
export interface BootedDebian extends Omit<Debian, 'besides'> {
  /** A folder of the test, which only root can write. */
  readonly folder: string;
  /** Its /run/smmap, as the test and mail servers see it. */
  readonly sockets: string;
}

/** What a Debian has beyond the usual. */
type More = Partial<Pick<Machine, 'etc' | 'mounts' | 'limitMs'>>;

/** A whole Debian of mmdebstrap below `parts`, of which each start has a copy; /srv/smmap/build has the packages. */
export async function findBootable(
  parts: string,
  suite: string,
  more: More = {},
): Promise<{ start: () => Promise<BootedDebian> } | Missing> {
  const root = join(parts, `root-${suite}`);
  const has = existsSync(join(root, 'usr/lib/systemd/systemd'));
  if (!has) return { name: suite, missing: `no ${root} with a systemd; run test/real/roots.sh` };
  const init = await findInit();
  return isMissing(init) ? init : { start: () => startBooted(root, more) };
}

async function startBooted(root: string, { etc = {}, mounts = [], ...more }: More): Promise<BootedDebian> {
  const folder = await makeTrustedFolder();
  await mkdir(join(folder, 'run/smmap'), { recursive: true });
  const init: Init = await startInit({
    folder,
    root,
    etc,
    mounts: [{ at: '/srv/smmap/build', from: BUILD }, ...mounts],
    ...more,
  });
  const type: Debian['type'] = (lines) => init.run('sh', '-c', `${ENVIRONMENT}\ncd /srv/smmap\n${lines}`);
  return {
    folder,
    sockets: join(folder, 'run/smmap'),
    type,
    async done(lines) {
      const { code, stdout, stderr } = await type(`set -e\n${lines}`);
      if (code !== 0) throw new Error(`${lines}\nended with ${code}: ${stdout}${stderr}${init.log()}`);
      return stdout;
    },
    async stop() {
      await init.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
