// The servers of mailboxes that smmap asks, and how its pages set them up.

import { openPage } from '../support/page.ts';
import type { Suite } from './systems.ts';

export interface Asked {
  readonly title: string;
  /** Which driver of smmap asks it. */
  readonly driver: string;
  /** What is typed after `apt install`; roots.sh has the same. */
  readonly packages: string;
  /** The package that has its version. */
  readonly package: string;
  /** Gives it the mailboxes fred and postmaster of example.org, and smmap the right to ask. */
  readonly setUp: (suite: Suite) => string;
  /** The store of smmap. */
  readonly store: string;
  readonly service: string;
}

const MAP = '\n[map.mailbox]\ndefault_domain = "example.org"\n';
const dovecot = openPage('docs/stores/dovecot.md');
const lmtp = openPage('docs/stores/lmtp.md');
const withDomain = dovecot.take('LMTP of Debian 13 and newer');

/** Users of a passwd-file, which Dovecot 2.4 writes in another way. */
const USERS = (suite: Suite): string => {
  const files = ['passdb', 'userdb'].map((database) =>
    suite === 'bookworm'
      ? `${database} {\n  driver = passwd-file\n  args = /etc/dovecot/users\n}`
      : `${database} passwd-file {\n  passwd_file_path = /etc/dovecot/users\n}`,
  );
  return `for each in fred postmaster; do echo "$each@example.org::5000:5000::/srv/mail/$each"; done > /etc/dovecot/users
install -d -o 5000 -g 5000 /srv/mail
cat > /etc/dovecot/conf.d/95-users.conf <<'END'\n${files.join('\n')}\nEND`;
};

/** Files of their own for what the page says, and a restart. */
const forDovecot = (lines: string) => (suite: Suite) =>
  `${USERS(suite)}
cat > /etc/dovecot/conf.d/96-smmap.conf <<'END'\n${lines}END
${suite === 'bookworm' ? '' : `cat > /etc/dovecot/conf.d/97-lmtp.conf <<'END'\n${withDomain}END`}
install -d -o dovecot -g smmap /run/smmap-lmtp
systemctl restart dovecot`;

export const ASKED: readonly Asked[] = [
  {
    title: 'Dovecot',
    driver: 'dovecot',
    packages: 'dovecot-core dovecot-lmtpd',
    package: 'dovecot-core',
    setUp: forDovecot(dovecot.take('Rights')),
    store: dovecot.take('Configuration', 0, 'toml') + MAP,
    service: 'dovecot',
  },
  {
    title: 'Dovecot',
    driver: 'lmtp',
    packages: 'dovecot-core dovecot-lmtpd',
    package: 'dovecot-core',
    setUp: forDovecot(lmtp.take('Rights')),
    store: `[store.dovecot]
driver = "lmtp"
server = "unix:/run/smmap-lmtp/lmtp"
canary = { mailbox = "postmaster@example.org" }
${MAP}`,
    service: 'dovecot',
  },
];
