// The servers of mailboxes that smmap asks, and how its pages set them up.

import { openPage } from '../support/page.ts';
import { ANY_DOMAIN, CYRUS, LIST, STORE } from './cyrus.ts';
import type { Suite } from './systems.ts';

/** A way in which smmap asks. */
interface Way {
  readonly driver: string;
  /** Gives smmap the right to ask. */
  readonly allow: (suite: Suite) => string;
  /** The store of smmap, and a map. */
  readonly store: string;
  /** What smmap says of fred and nosuchuser while the server is down, if not TEMP. */
  readonly down?: readonly string[];
}

export interface Asked {
  readonly title: string;
  /** What is typed after `apt install`; roots.sh has the same. */
  readonly packages: string;
  /** The package that has its version. */
  readonly package: string;
  readonly service: string;
  /** Gives it the mailboxes fred and postmaster of example.org. */
  readonly setUp: (suite: Suite) => string;
  /** Whether it also has a mailbox full that is over quota. */
  readonly hasFull: boolean;
  readonly ways: readonly Way[];
}

const MAP = '\n[map.mailbox]\ndefault_domain = "example.org"\n';
const dovecot = openPage('docs/stores/dovecot.md');
const lmtp = openPage('docs/stores/lmtp.md');
const configurationOf = (driver: string): string =>
  openPage(`docs/stores/${driver}.md`).take('Configuration', 0, 'toml');
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
  `cat > /etc/dovecot/conf.d/96-smmap.conf <<'END'\n${lines}END
${suite === 'bookworm' ? '' : `cat > /etc/dovecot/conf.d/97-lmtp.conf <<'END'\n${withDomain}END`}
install -d -o dovecot -g smmap /run/smmap-lmtp
systemctl restart dovecot`;

export const ASKED: readonly Asked[] = [
  {
    title: 'Dovecot',
    packages: 'dovecot-core dovecot-lmtpd',
    package: 'dovecot-core',
    service: 'dovecot',
    setUp: USERS,
    hasFull: false,
    ways: [
      { driver: 'dovecot', allow: forDovecot(dovecot.take('Rights')), store: configurationOf('dovecot') + MAP },
      {
        driver: 'lmtp',
        allow: forDovecot(lmtp.take('Rights')),
        store: `[store.dovecot]
driver = "lmtp"
server = "unix:/run/smmap-lmtp/lmtp"
canary = { mailbox = "postmaster@example.org" }
${MAP}`,
      },
    ],
  },
  {
    title: 'Cyrus',
    packages: 'cyrus-imapd',
    package: 'cyrus-imapd',
    service: 'cyrus-imapd',
    setUp: () => CYRUS,
    hasFull: true,
    ways: [
      {
        driver: 'cyrus',
        allow: () => LIST,
        store: STORE,
        down: ['OK', 'TEMP'],
      },
      { driver: 'socketmap', allow: () => '', store: configurationOf('socketmap') + ANY_DOMAIN },
      {
        driver: 'lmtp',
        allow: () => `mkdir -p /etc/systemd/system/smmap.service.d
printf '[Service]\nSupplementaryGroups=mail\n' > /etc/systemd/system/smmap.service.d/override.conf
systemctl daemon-reload && systemctl restart smmap`,
        store: configurationOf('lmtp') + MAP + ANY_DOMAIN,
      },
    ],
  },
];
