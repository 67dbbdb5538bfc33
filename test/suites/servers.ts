// The mail servers, and how docs/mta.md sets up each.

import { openPage } from '../support/page.ts';
import type { Suite, System } from './systems.ts';

export interface Server {
  /** In `smmap mta`. */
  readonly name: string;
  readonly title: string;
  /** What is typed after `apt install`; roots.sh has the same. */
  readonly packages: string;
  /** The package that has its version. */
  readonly package: string;
  /** What is done before the block of the page, such as another configuration of smmap. */
  readonly before?: (system: System, suite: Suite) => Promise<unknown>;
  /** What is right for exists, detail, alias, absent, full and disabled, if not the usual. */
  readonly told?: (suite: Suite) => RegExp | undefined;
}

const page = openPage('docs/mta.md');
const old = 'OpenSMTPD before 7.6';

export const SERVERS: readonly Server[] = [
  { name: 'postfix', title: 'Postfix', packages: 'postfix', package: 'postfix' },
  {
    name: 'sendmail',
    title: 'Sendmail',
    packages: 'sendmail sendmail-cf m4 make patch',
    package: 'sendmail-bin',
    // There is no DNS. Without it Sendmail keeps all mail, and is slow to start. It accepts nothing while a machine is busy.
    before: (system) =>
      system.done(`mkdir -p /etc/mail; echo "hosts files" > /etc/mail/service.switch
echo '0.00 0.00 0.00 1/1 1' > /root/loadavg; mount --bind /root/loadavg /proc/loadavg`),
  },
  { name: 'exim', title: 'Exim', packages: 'exim4-daemon-heavy', package: 'exim4-daemon-heavy' },
  {
    name: 'opensmtpd',
    title: 'OpenSMTPD',
    packages: 'opensmtpd',
    package: 'opensmtpd',
    async before(system, suite) {
      if (!isOld(suite)) return;
      await system.done(`apt install opensmtpd opensmtpd-extras
cat > /etc/smmap/smmap.toml <<'END'\n${page.take(old)}END\n`);
    },
    // The page's configuration of smmap for it has no aliases.
    told: (suite) => (isOld(suite) ? /^250, 250, 550, 550, 451, 550$/ : undefined),
  },
];

/** The commands that set it up, and those that ask it. */
export function blocksOf({ name, title }: Server, suite: Suite): readonly [string, string] {
  if (name === 'opensmtpd' && isOld(suite)) return [page.take(old, 1), page.take(old, 2)];
  return [page.take(title), page.take(title, 1)];
}

/** Debian 12 has OpenSMTPD 6.8. */
function isOld(suite: Suite): boolean {
  return suite === 'bookworm';
}
