// The systems of today, each with its own systemd: smmap is installed there from its package and filled, and a mail server
// is installed from the packages of the suite, as docs/mta.md says.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BootedDebian, findBootable } from '../real/debian-init.ts';
import { NODE } from '../real/debian-lines.ts';
import { type Missing, isMissing } from '../real/part.ts';
import { openPage } from '../support/page.ts';

/** Where roots.sh has put the systems. */
const ROOTS = process.env['SMMAP_SUITES'] ?? fileURLToPath(new URL('../../.suites', import.meta.url));

/** The suites of Debian, and what people call each. */
export const SUITES = { bookworm: 'Debian 12', trixie: 'Debian 13', sid: 'Debian sid' } as const;
export type Suite = keyof typeof SUITES;

/** What a stock machine has, and that nobody is there to say yes. */
const ETC = {
  hostname: 'mail.example.org\n',
  hosts: '127.0.0.1 localhost\n127.0.1.1 mail.example.org mail\n',
  mailname: 'mail.example.org\n',
  // The second line as roots.sh downloads.
  'apt/apt.conf.d/suites': `APT::Get::Assume-Yes "true";
APT::Install-Recommends "false";
Dpkg::Options { "--force-confold"; };
`,
};
const LIMIT_MS = 280_000;

const page = openPage('docs/mta.md');
const [maps, fill] = [page.take('Before you begin'), page.take('Before you begin', 1)];
const install = openPage('docs/packages.md').take('Install them');

/** Beside the mailbox and the alias of the page. */
const FULL_AND_OFF = `smmap mailbox add --state overquota full@example.org
smmap mailbox add --state disabled off@example.org`;

/** A system with smmap in it. */
export interface System extends BootedDebian {
  /** The version of a package, without what Debian adds to it. */
  versionOf(name: string): Promise<string>;
}

/** What starts a copy of a suite in which smmap serves; or why that cannot be had. */
export async function findSystem(suite: Suite): Promise<{ start: () => Promise<System> } | Missing> {
  const root = join(ROOTS, `root-${suite}`);
  const name = SUITES[suite];
  if (!existsSync(root)) return { name, missing: `no ${root}: roots.sh could not make it, or was not run` };
  const mounts = [{ at: '/srv/node', from: dirname(process.execPath) }];
  const found = await findBootable(ROOTS, suite, { etc: ETC, mounts, limitMs: LIMIT_MS });
  return isMissing(found) ? found : { start: async () => systemOf(await found.start()) };
}

/** The packages that the suite does not have, each as it is typed after `apt install`. */
export function lacksOf(suite: Suite): readonly string[] {
  const file = join(ROOTS, `root-${suite}.lacks`);
  return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
}

async function systemOf(debian: BootedDebian): Promise<System> {
  const quiet = (lines: string): string => `export DEBIAN_FRONTEND=noninteractive\n${lines}`;
  const system: System = {
    ...debian,
    type: (lines) => debian.type(quiet(lines)),
    done: (lines) => debian.done(quiet(lines)),
    async versionOf(name) {
      const version = await debian.done(`dpkg-query -W -f '\${Version}' ${name}`);
      return version.replace(/^\d+:/, '').replace(/(?:\+dfsg\d*)?-[^-]*$/, '');
    },
  };
  try {
    await system.done(`${NODE('/srv/node')}\n${install}\nsmmap store create`);
    await system.done(`cat > /etc/smmap/smmap.toml <<'END'\n${maps}END\n`);
    await system.type(fill); // the last command asks for somebody who does not exist: exit code 1
    await system.done(FULL_AND_OFF);
  } catch (error) {
    await debian.stop();
    throw error;
  }
  return system;
}
