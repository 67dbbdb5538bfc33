// The Debian packages, installed with apt into whole systems of Debian, each with its own Node and Postfix.

import { beforeAll, expect, test } from 'vitest';
import { openPage } from '../support/page.ts';
import { type Result, run } from './command.ts';
import { type Debian, findRoot } from './debian.ts';
import { PARTS, describePart } from './part.ts';

const page = openPage('docs/packages.md');
/** Without what is installed and built here already: other tests use it at this moment. */
const make = page.take('Make them').replace('npm ci && npm run', 'npm run --silent --ignore-scripts');
const [install, drivers] = [page.take('Install them'), page.take('Install them', 1)];
const [remove, purge] = [page.take('Remove'), page.take('Remove', 1)];

/** Debian 12 has Node 18, which is too old. So it gets a package of the Node that runs this test. */
const NODE = `[ -x /usr/bin/node ] || {
  mkdir -p /root/nodejs/DEBIAN /root/nodejs/usr/bin
  cp build/node /root/nodejs/usr/bin
  cat > /root/nodejs/DEBIAN/control <<END
Package: nodejs
Version: ${process.versions.node}
Architecture: $(dpkg --print-architecture)
Maintainer: nobody <nobody@localhost>
Description: Node
END
  dpkg-deb -Znone --build /root/nodejs
  dpkg -i /root/nodejs.deb
}`;

/** Asks Postfix for recipients, and prints its reply to each. */
const RECIPIENTS = `cat > /root/recipients.mjs <<'END'
import { connect } from 'node:net';
const recipients = process.argv.slice(2).map((to) => \`RCPT TO:<\${to}>\`);
const lines = ['EHLO localhost', 'MAIL FROM:<a@example.net>', ...recipients, 'QUIT'];
let asked = '';
const socket = connect(25, '127.0.0.1').setEncoding('utf8').on('data', (text) => {
  const [, reply] = /^(\\d{3}) .*\\r\\n$/m.exec(text) ?? [];
  if (asked.startsWith('RCPT')) console.log(asked, reply);
  asked = lines.shift() ?? '';
  socket.write(\`\${asked}\\r\\n\`);
});
END`;

/** What systemd does on a system that has it. */
const SERVE = `install -d -o smmap /run/smmap
start-stop-daemon --start --background --chuid smmap --exec /usr/bin/smmap -- serve
for each in $(seq 100); do smmap health && break; sleep 0.1; done`;

/** Nobody is there to say yes. */
const YES = `echo 'APT::Get::Assume-Yes "true";' > /etc/apt/apt.conf.d/yes`;

let made: Promise<Result> | undefined;

for (const suite of ['bookworm', 'trixie']) {
  describePart(`the package on Debian's ${suite}`, await findRoot(PARTS, suite), ({ start }) => {
    let debian: Debian;
    beforeAll(async () => {
      expect(await (made ??= run('sh', ['-c', make]))).toMatchObject({ code: 0, stderr: '' });
      debian = await start();
      await debian.done(`${YES}\n${NODE}\n${RECIPIENTS}`);
      return () => debian.stop();
    }, 300_000);

    test('is installed, and does what it says, with the Postfix of the system', { timeout: 120_000 }, async () => {
      const said = await debian.done(install);
      const [add = '', mta = ''] = said.split(/\r?\n/).filter((line) => line.startsWith('    smmap '));
      await debian.done(SERVE);
      await debian.done(add);
      expect(mta).toMatch(/^ {4}smmap mta postfix /);
      await debian.done(`postfix start; smmap mta postfix --write /root/postfix && sh /root/postfix/postfix.sh`);
      expect(await debian.done('node /root/recipients.mjs fred@example.org nobody@example.org')).toBe(
        'RCPT TO:<fred@example.org> 250\nRCPT TO:<nobody@example.org> 550\n',
      );
    });

    test('asks databases with the package smmap-drivers', async () => {
      await debian.done(`cat > /root/redis.toml <<'END'
[store.people]
driver = "redis"
url = "redis://127.0.0.1:1"
mailbox = { set = "mailboxes", member = "{address}" }
END`);
      const check = 'smmap check --config /root/redis.toml';
      expect((await debian.type(check)).stderr).toContain('the package ioredis');
      await debian.done(drivers);
      expect(await debian.type(check)).toMatchObject({ code: 0 });
    });

    test('keeps mailboxes and configuration when it is upgraded, or installed as it was', async () => {
      await debian.done(`echo '# mine' >> /etc/smmap/smmap.toml; dpkg --purge smmap-drivers
dpkg-deb -R build/smmap_*.deb /root/next; sed -i 's/^Version: /&9/' /root/next/DEBIAN/control
dpkg-deb -Znone --build /root/next /root/next.deb`);
      for (const command of ['apt install /root/next.deb', `${install.trim()} --allow-downgrades`]) {
        await debian.done(command);
        expect(await debian.done('tail -1 /etc/smmap/smmap.toml; smmap mailbox list')).toBe(
          '# mine\nfred@example.org\n',
        );
        expect(await debian.done('smmap probe nobody@example.org || true')).toBe('nobody@example.org\tNOTFOUND\n');
      }
    });

    test('keeps the store when it is removed, and leaves nothing when it is purged', async () => {
      await debian.done(`${remove}test -s /var/lib/smmap/smmap.mdb; test -e /etc/smmap/smmap.toml`);
      await debian.done(`start-stop-daemon --stop --user smmap --retry 10 || true; ${purge}`);
      expect(
        await debian.done(`find / -xdev -name '*smmap*' -not -path '/srv/*' -not -path '/root/*' -not -path '/proc/*'`),
      ).toBe('');
      expect((await debian.type('getent passwd smmap')).code).not.toBe(0);
    });
  });
}
