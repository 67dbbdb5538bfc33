// The Debian packages, installed with apt into whole systems of Debian, each with its own Node and Postfix. The rpms,
// installed into such a system, too: it is not theirs, but has all that they need. The tarball, installed with npm.

import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { temporaryFolders } from '../support/folder.ts';
import { openPage } from '../support/page.ts';
import { run } from './command.ts';
import { findBootable } from './debian-init.ts';
import { LMTP, NODE } from './debian-lines.ts';
import { type Debian, findRoot } from './debian.ts';
import { findExim } from './mta-exim.ts';
import { findPostfixServer } from './mta-postfix.ts';
import { findSendmailServer } from './mta-sendmail.ts';
import type { MtaPart } from './mta.ts';
import { PARTS, describePart, together } from './part.ts';
import { configOf, startAsking, startLoad } from './restart.ts';

const page = openPage('docs/packages.md');
/** Without what is installed and built here already: other tests use it at this moment. */
const make = page.take('Release').replace('npm ci && npm run', 'npm run --silent --ignore-scripts');
const [install, drivers] = [page.take('Install them'), page.take('Install them', 1)];
const mtaPage = openPage('docs/mta.md');
const [maps, fill] = [mtaPage.take('Before you begin'), mtaPage.take('Before you begin', 1)];
const [opensmtpd, askOpensmtpd] = [mtaPage.take('OpenSMTPD'), mtaPage.take('OpenSMTPD', 1)];
const from01 = page.take('From 0.1');
const [remove, purge] = [page.take('Remove'), page.take('Remove', 1)];

/** Asks Postfix for recipients, and prints its reply to each. */
const RECIPIENTS = `cat > /root/recipients.mjs <<'END'
import { connect } from 'node:net';
const recipients = process.argv.slice(2).map((to) => \`RCPT TO:<\${to}>\`);
const data = process.env.DATA === 'yes' ? ['DATA', 'Subject: x\\r\\n\\r\\nx\\r\\n.'] : [];
const lines = ['EHLO localhost', 'MAIL FROM:<a@example.net>', ...recipients, ...data, 'QUIT'];
let asked = '';
const socket = connect(25, '127.0.0.1').setEncoding('utf8').on('data', (text) => {
  const [, reply] = /^(\\d{3}) .*\\r\\n$/m.exec(text) ?? [];
  if (asked.startsWith('RCPT')) console.log(asked, reply);
  asked = lines.shift();
  if (asked === undefined) socket.end(); // what comes after its last reply Postfix resets
  else socket.write(\`\${asked}\\r\\n\`);
});
END`;

/** What systemd does on a system that has it. */
const SERVE = `install -d -o smmap /run/smmap
start-stop-daemon --start --background --chuid smmap --exec /usr/bin/smmap -- serve
for each in $(seq 100); do smmap health && break; sleep 0.1; done`;

/** The commands of systemd that are typed there. */
const SYSTEMCTL = `cat > /usr/local/sbin/systemctl <<'END'
#!/bin/sh
case "$*" in
  'reload smmap') exec smmap reload ;;
  'restart opensmtpd') mkdir -p /etc/ssl/certs; touch /etc/ssl/certs/ca-certificates.crt; exec smtpd ;;
esac
END
chmod 755 /usr/local/sbin/systemctl`;

/** Makes a newer package: the same files, which dpkg puts in the place of the old ones. */
const NEWER = `dpkg-deb -R build/smmap_*.deb /root/next; sed -i 's/^Version: /&9/' /root/next/DEBIAN/control
dpkg-deb -Znone --build /root/next /root/next.deb`;

/** Nobody is there to say yes. */
const YES = `echo 'APT::Get::Assume-Yes "true";' > /etc/apt/apt.conf.d/yes`;

const rpmbuild = await run('rpmbuild', ['--version']).catch(() => null);
const builder = rpmbuild === null ? { name: 'rpmbuild', missing: 'not installed; it is in the package rpm' } : {};

let made: Promise<readonly string[]> | undefined;

/** All files of a release, made once. */
function release(): Promise<readonly string[]> {
  const how = { env: { HOME: process.env['HOME'] ?? '' }, limit: 280_000 };
  made ??= run('sh', ['-c', make], how).then(({ code, stdout, stderr }) => {
    expect([code, stderr]).toEqual([0, '']);
    return stdout.trim().split('\n');
  });
  return made;
}

test('each kind of package can be made alone, as the page says', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
  const kinds = ['Make them', 'Rpms', 'With npm'].map((title) => page.take(title));
  for (const [at, kind] of (['deb', 'rpm', 'tarball'] as const).entries()) {
    expect(kinds[at]).toMatch(new RegExp(`^npm ci && .*npm run (--silent )?${kind}\\b`));
    expect([scripts[kind], scripts[`pre${kind}`]]).toEqual([
      scripts['release']?.replace('release.js', `${kind}.js`),
      scripts['prerelease'],
    ]);
  }
});

for (const suite of ['bookworm', 'trixie']) {
  const parts = together({ builder, root: await findRoot(PARTS, suite) });
  describePart(`the package on Debian's ${suite}`, parts, ({ root }) => {
    let debian: Debian;
    beforeAll(async () => {
      await release();
      debian = await root.start();
      await debian.done(`${YES}\n${NODE('build')}\n${RECIPIENTS}`);
      return () => debian.stop();
    }, 300_000);

    test('is installed, and does what it says, with the Postfix of the system', async () => {
      const said = await debian.done(install);
      const [create = '', add = '', mta = ''] = said.split(/\r?\n/).filter((line) => line.startsWith('    smmap '));
      await debian.done(SERVE);
      await debian.done(create);
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

    test.runIf(suite === 'trixie')('is asked by OpenSMTPD 7.6', async () => {
      await debian.done(`postfix stop; ${SYSTEMCTL}\n${LMTP}\nsetsid node /root/lmtp.mjs > /dev/null 2>&1 &`);
      await debian.done(`cat > /etc/smmap/smmap.toml <<'END'\n${maps}END\n`);
      await debian.type(fill); // the last command asks for somebody who does not exist: exit code 1
      await debian.done(
        'smmap mailbox add kept@example.org; smmap alias add kept@example.org kept@example.org fred@example.org',
      );
      await debian.done(opensmtpd.replace('apt install opensmtpd', 'apt install /var/cache/apt/archives/*.deb'));
      const asked = askOpensmtpd.trimEnd().split('\n');
      const expected = asked.map((line) => `${/ --to (\S+)/.exec(line)?.[1]} ${line.split(/# /)[1]}`);
      const recipients = expected.map((line) => line.split(' ')[0] as string);
      const ask = async (mail = ''): Promise<string[]> => {
        const said = await debian.done(`${mail} node /root/recipients.mjs ${recipients.join(' ')}`);
        return said
          .trimEnd()
          .replaceAll(/RCPT TO:<(.*)>/g, '$1')
          .split('\n');
      };
      await vi.waitFor(async () => expect(await ask()).toEqual(expected), { timeout: 20_000, interval: 200 });

      const aboutOpensmtpd = async (configuration: string): Promise<unknown[]> => {
        const { stdout } = await debian.type(`smmap doctor --json --config ${configuration}`);
        const lines = stdout
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line) as { where?: string; reason: string });
        expect(lines.at(-1)).toMatchObject({ mailServers: expect.arrayContaining(['OpenSMTPD']) as string[] });
        return lines.flatMap(({ where = '', reason }) => (where.startsWith('OpenSMTPD') ? [reason] : []));
      };
      await debian.done("sed 's/map.virtuser/map.other/' /etc/smmap/smmap.toml > /root/other.toml");
      expect(await aboutOpensmtpd('/etc/smmap/smmap.toml')).toEqual([]);
      expect(await aboutOpensmtpd('/root/other.toml')).toEqual([
        'asks for the map virtuser, which /root/other.toml does not have, so it gets TEMP',
      ]);

      await debian.done('start-stop-daemon --stop --signal KILL --user smmap');
      expect(await ask()).toEqual(recipients.map((each) => `${each} 451`));
      await debian.done(SERVE);
      expect(await ask()).toEqual(expected);

      // An alias that stands for itself too: both get the mail, with the detail.
      recipients.splice(0, Infinity, 'kept+a@example.org');
      await ask('DATA=yes');
      await vi.waitFor(
        async () => {
          const delivered = await debian.done('sort /root/delivered');
          expect(delivered).toBe('RCPT TO:<fred+a@example.org>\nRCPT TO:<kept+a@example.org>\n');
        },
        { timeout: 20_000, interval: 200 },
      );
      await debian.done('smmap mailbox remove kept@example.org');
    });

    test('keeps mailboxes and configuration when it is upgraded, or installed as it was', async () => {
      await debian.done(`echo '# mine' >> /etc/smmap/smmap.toml; dpkg --purge smmap-drivers; ${NEWER}`);
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

    // Made by its own commands: tar of its store, of its smmap.toml, and of its unit.
    test('takes the place of 0.1, with its configuration and its mailboxes', async () => {
      await debian.besides('tar -xzf test/real/0.1.tar.gz -C "$ROOT"');
      await debian.done(`echo '# mine' >> /etc/smmap/smmap.toml
adduser --quiet --system --group --home /var/lib/smmap --no-create-home smmap; chown -R smmap: /var/lib/smmap
echo 'echo "$@" >> /root/npm' > /usr/local/sbin/npm; chmod 755 /usr/local/sbin/npm`);
      const [before, upgrade = ''] = from01.split(/^(?=smmap )/m);
      await debian.done(before as string);
      expect(await debian.done('cat /root/npm; ls /etc/smmap; tail -1 /etc/smmap/smmap.toml')).toBe(
        'uninstall --global smmap\nsmmap.toml\nsmmap.toml.dpkg-dist\n# mine\n',
      );
      await debian.done(SERVE);
      const asked = ['fred@example.org', 'josé@bücher.example', 'gone@example.org', 'full@example.org'];
      const told = `fred@example.org\tOK fred@example.org
josé@bücher.example\tOK josé@bücher.example
gone@example.org\tNOTFOUND
full@example.org\tTEMP mailbox is over quota
`;
      expect(await debian.done(`smmap probe ${asked.join(' ')} || true`)).toBe(told);
      expect((await debian.type('smmap mailbox add new@example.org')).stderr).toContain('smmap store upgrade');
      expect(await debian.type(upgrade)).toMatchObject({
        code: 0,
        stderr: expect.stringContaining('from format 2 to 3'),
      });
      await debian.done('smmap mailbox add new@example.org');
      expect(await debian.done(`smmap probe ${asked.join(' ')} || true`)).toBe(told);
      expect(await debian.done('smmap alias list; smmap table list')).toBe(
        '@catch.example fred@example.org\nsales@example.org fred@example.org, wilma@example.net\naccess\ntransport\n',
      );
      await debian.done(`start-stop-daemon --stop --user smmap --retry 10; ${purge}`);
    });
  });
}

const mtas = {
  sendmail: await findSendmailServer(PARTS),
  postfix: await findPostfixServer(PARTS),
  exim: await findExim(PARTS),
};

/** What loses no lookup, and how many of two services have a new daemon then. */
const ACTIONS = [
  ['systemctl restart smmap', 1],
  ['systemctl reload smmap', 0],
  ['dpkg -i /root/next.deb', 2],
] as const;

const booted = await findBootable(PARTS, 'trixie');

describePart(
  'the package on a Debian with systemd',
  together({ builder, booted, ...mtas }),
  ({ booted: { start } }) => {
    test('starts, loses no lookup of live sessions, stops, and leaves nothing', { timeout: 180_000 }, async () => {
      await release();
      const debian = await start();
      onTestFinished(() => debian.stop());
      const done = (lines: string): Promise<string> => debian.done(lines);
      await done(`${YES}\n${NEWER}`);
      const startedAt = performance.now();
      await done(`${install}\nsmmap store create\nsmmap mailbox add fred@example.org`);
      expect(await done('smmap probe fred@example.org nobody@example.org || true')).toBe(
        'fred@example.org\tOK fred@example.org\nnobody@example.org\tNOTFOUND\n',
      );
      process.stderr.write(`from apt to NOTFOUND ${Math.round(performance.now() - startedAt)} ms\n`);
      await done(`cat > /etc/smmap/smmap.toml <<'END'\n${configOf('/run/smmap')}\nEND
systemctl reload smmap; cp /etc/smmap/smmap.toml /etc/smmap/two.toml; sed -i 's#/run/smmap/#/run/smmap-two/#' /etc/smmap/two.toml
systemctl enable --now smmap@two 2>&1`);
      expect(
        await done('grep -E "^(NoNewPrivs|Seccomp|CapBnd):" /proc/$(cut -d" " -f1 /run/smmap/worker)/status'),
      ).toBe('CapBnd:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n');

      const ports = new Map<string, number>();
      for (const [name, part] of Object.entries(mtas)) {
        ports.set(name, await startAsking(debian, name, part as MtaPart));
      }
      const load = await startLoad(ports);
      const pids = 'cat /run/smmap/worker /run/smmap-two/worker';
      for (const [action, news] of ACTIONS) {
        const before = await done(pids);
        const { right, wrong } = await load.during(async () => void (await done(action)));
        expect([action, ...new Set(wrong)]).toEqual([action]);
        process.stderr.write(`${action}: ${right} lookups right, none lost\n`);
        const changed = (await done(pids)).split('\n').filter((line) => !before.includes(line));
        expect([action, changed.length]).toEqual([action, news]);
      }
      await load.end();

      await done(remove);
      expect(await done('find /proc -maxdepth 1 -user smmap')).toBe('');
      expect(await done('systemctl is-active smmap smmap@two || true')).toBe('inactive\ninactive\n');
      await done(`test -s /var/lib/smmap/smmap.mdb; ${purge}`);
      const left = "find / -xdev -name '*smmap*' -not -path '/srv/*' -not -path '/root/*' -not -path '*/smmap-two*'";
      expect(await done(left)).toBe('/etc/smmap\n');
      expect((await debian.type('getent passwd smmap')).code).not.toBe(0);
    });
  },
);

describePart('the rpm', together({ builder, trixie: await findRoot(PARTS, 'trixie') }), ({ trixie }) => {
  let debian: Debian;
  let files: readonly string[];
  beforeAll(async () => {
    files = (await release()).filter((file) => file.endsWith('.rpm'));
    debian = await trixie.start();
    return () => debian.stop();
  }, 300_000);

  /** Debian's rpm asks whether one does not mean apt. Its database knows nothing of what apt has installed. */
  const rpm = (how: string): Promise<string> => debian.besides(`rpm --force-debian --nodeps --root "$ROOT" ${how}`);

  test('has everything where rpm has it, as root, and asks for a Node that is new enough', async () => {
    const [smmap = '', others = ''] = files;
    const { stdout } = await run('rpm', ['-qp', '--queryformat', '[%{FILEMODES:perms} %{FILENAMES}\n]', smmap]);
    const own = stdout.split('\n').filter((line) => !/node_modules|\/dist\//.test(line));
    expect(own).toEqual(
      expect.arrayContaining([
        '-rw-r--r-- /etc/smmap/smmap.toml',
        'lrwxrwxrwx /usr/bin/smmap',
        '-rwxr-xr-x /usr/lib/smmap/smmap-keeper',
        '-rw-r--r-- /usr/lib/systemd/system/smmap.service',
        '-rw-r--r-- /usr/lib/sysusers.d/smmap.conf',
        '-rw-r--r-- /usr/share/licenses/smmap/LICENSE',
        '-rw-r--r-- /usr/share/man/man1/smmap.1.gz',
        '-rw-r--r-- /usr/share/zsh/site-functions/_smmap',
      ]),
    );
    const asked = async (...how: string[]): Promise<string> => (await run('rpm', ['-qp', ...how])).stdout;
    expect(await asked('--queryformat', '[%{FILEUSERNAME} %{FILEGROUPNAME}\n]', ...files)).toMatch(
      /^(?:root root\n)+$/,
    );
    expect(await asked('--requires', smmap)).toContain('(nodejs(engine) >= 20.19 or nodejs >= 1:20.19)\n');
    const flags = await asked('--queryformat', '[%{FILEFLAGS:fflags} %{FILENAMES}\n]', smmap);
    expect(flags.match(/^c.*/gm)).toEqual(['cn /etc/smmap/smmap.toml']); // a configuration, and not replaced
    expect(await asked('--list', others)).toContain('/usr/lib/smmap/node_modules/pg/package.json\n');
    expect(await asked('--list', others)).not.toContain('/node_modules/lmdb/');
  });

  test('makes the user and the store, says what to do next, and serves', async () => {
    const said = await rpm(`--install ${files.join(' ')}`);
    expect(said).toContain('    systemctl enable --now smmap ');
    const [create, add] = said.split('\n').filter((line) => line.startsWith('    smmap '));
    await debian.done(`${SERVE}\n${create}\n${add}`);
    expect(await debian.done('stat -c "%U %a" /var/lib/smmap; smmap mailbox list')).toBe(
      'smmap 750\nfred@example.org\n',
    );
    expect(await debian.done('smmap probe nobody@example.org || true')).toBe('nobody@example.org\tNOTFOUND\n');
  });

  test('keeps mailboxes and configuration when it is installed again, and when it is removed', async () => {
    await debian.done(`echo '# mine' >> /etc/smmap/smmap.toml`);
    await rpm(`--upgrade --force ${files.join(' ')}`);
    expect(await debian.done('tail -1 /etc/smmap/smmap.toml; smmap mailbox list')).toBe('# mine\nfred@example.org\n');
    await rpm('--erase smmap-drivers smmap');
    expect(await debian.done('tail -1 /etc/smmap/smmap.toml.rpmsave; ls -A /usr/lib /var/lib | grep smmap')).toBe(
      '# mine\nsmmap\n',
    );
    await debian.done('test -s /var/lib/smmap/smmap.mdb && ! test -e /usr/lib/smmap && ! test -e /usr/bin/smmap');
  });
});

describePart('the release', builder, () => {
  const newFolder = temporaryFolders();
  const HOME = process.env['HOME'] ?? '';
  /** Its file with this end. */
  const fileOf = async (end: string): Promise<string> => {
    const file = (await release()).find((each) => each.endsWith(end));
    if (file === undefined) throw new Error(`no file ${end}`);
    return file;
  };

  test('has all packages, what is in them, and their checksums', { timeout: 300_000 }, async () => {
    const kinds = (await release()).map((file) => basename(file).replaceAll(/\d+\.\d+\.\d+/g, 'V'));
    expect(kinds.map((name) => name.replace(/(amd64|arm64|x86_64|aarch64)/, 'A'))).toEqual([
      'smmap_V_A.deb',
      'smmap-drivers_V_A.deb',
      'smmap-V-1.A.rpm',
      'smmap-drivers-V-1.A.rpm',
      'smmap-V.tgz',
      'smmap-V.cdx.json',
      'SHA256SUMS',
    ]);
    const sums = await fileOf('SHA256SUMS');
    expect(await run('sh', ['-c', `cd '${join(sums, '..')}' && sha256sum -c SHA256SUMS`])).toMatchObject({ code: 0 });
    const bill = JSON.parse(readFileSync(await fileOf('.cdx.json'), 'utf8')) as { components: { name: string }[] };
    const names = bill.components.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['lmdb', 'pg', 'commander']));
    expect(names).not.toContain('vitest');
  });

  test('has the same bytes when it is made again: the tarball', async () => {
    const file = await fileOf('.tgz');
    const before = readFileSync(file);
    const again = await run('node', [join(file, '../../packaging/tarball.js')], { env: { HOME } });
    expect(again).toMatchObject({ code: 0, stderr: '' });
    expect(readFileSync(again.stdout.trim()).equals(before)).toBe(true);
  });

  test('is installed by npm in the versions of the lock, without any script, and serves', async () => {
    const folder = newFolder();
    const how = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', '--silent'];
    const env = { HOME, NODE_EXTRA_CA_CERTS: process.env['NODE_EXTRA_CA_CERTS'] ?? '' }; // of a proxy, if there is one
    expect(
      await run('npm', ['install', '--global', '--prefix', folder, ...how, await fileOf('.tgz')], { env }),
    ).toMatchObject({ code: 0, stderr: '' });
    const home = join(folder, 'lib/node_modules/smmap');
    const read = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as { version: string; scripts?: object };
    const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
      packages: Record<string, { version: string; dev?: boolean; cpu?: unknown }>;
    };
    const wanted = Object.entries(packages).filter(
      ([name, { dev, cpu }]) => name.lastIndexOf('node_modules/') === 0 && dev !== true && cpu === undefined,
    );
    expect(wanted.length).toBeGreaterThan(50);
    for (const [name, { version }] of wanted)
      expect(read(join(home, name, 'package.json')), name).toMatchObject({ version });
    expect(read(join(home, 'package.json')).scripts).toBeUndefined();

    const smmap = join(folder, 'bin/smmap');
    const { version } = read('package.json');
    expect(await run(smmap, ['--version'])).toMatchObject({ stdout: expect.stringContaining(version) as string });
    const served = await run(
      'sh',
      [
        '-c',
        `${smmap} serve > /dev/null 2>&1 & for each in $(seq 100); do ${smmap} health > /dev/null && break; sleep 0.1; done
${smmap} store create; ${smmap} mailbox add fred@example.org && ${smmap} probe fred@example.org nobody@example.org; kill $!; wait`,
      ],
      { env: { RUNTIME_DIRECTORY: folder, STATE_DIRECTORY: join(folder, 'store') } },
    );
    expect(served.stdout).toBe(
      'added fred@example.org\nfred@example.org\tOK fred@example.org\nnobody@example.org\tNOTFOUND\n',
    );
  });
});
