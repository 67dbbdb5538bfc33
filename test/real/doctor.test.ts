// `smmap doctor` on a stock Debian: each finding is made, found, mended by the commands that it prints, and gone.

import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { type Daemon, MAIN, fill, startDaemon } from './daemon.ts';
import { findDebianPostfix } from './mta-postfix.ts';
import { type Mta, makeTrustedFolder } from './mta.ts';
import { PARTS, describePart } from './part.ts';

interface Found {
  readonly severity: string;
  readonly where: string;
  readonly reason: string;
  readonly remedy: string;
  readonly commands?: readonly string[];
}

const SOCKET = '/run/smmap/smmap.sock';
const STOCK = `postconf -X virtual_alias_maps virtual_mailbox_maps; postconf -e 'local_recipient_maps =' 'virtual_mailbox_domains = example.org'`;
const PROXY = `postconf -e 'virtual_mailbox_maps = proxy:socketmap:unix:${SOCKET}:mailbox'`;

const RELOAD = 'postfix reload';

describePart("smmap doctor with Debian's Postfix", await findDebianPostfix(PARTS), (part) => {
  let folder: string;
  let daemon: Daemon;
  let postfix: Mta;

  beforeAll(async () => {
    folder = await makeTrustedFolder();
    const sockets = join(folder, 'sockets');
    await mkdir(sockets, { mode: 0o755 });
    await fill(join(folder, 'store'), ['fred@example.org']);
    daemon = await startDaemon({
      folder,
      config: `
        listen.mta.path = "${join(sockets, 'smmap.sock')}"
        limits.hard_connections = 100
        limits.soft_connections = 90
        store.local = { driver = "embedded", path = "${join(folder, 'store')}" }`,
    });
    postfix = await part.start(folder, sockets);
    return async () => {
      await postfix.stop();
      await daemon.end();
      await rm(folder, { recursive: true, force: true });
    };
  });
  afterEach(async () => {
    await postfix.type(STOCK);
  });

  /** What the doctor finds inside of Postfix's world, and the exit code. The daemon is asked by its sockets there. */
  const doctor = async (
    maps = '[map.mailbox]\n',
    most = 100,
  ): Promise<{ code: number; found: Found[]; summary: object }> => {
    const head = `[listen.mta]\npath = "${SOCKET}"\n[limits]\nhard_connections = ${most}\nsoft_connections = 90\n`;
    const store = `[store.local]\ndriver = "embedded"\npath = "${join(folder, 'store')}"\n`;
    await writeFile(join(folder, 'etc/smmap.toml'), head + store + maps);
    return look();
  };
  const look = async (programs = ''): Promise<{ code: number; found: Found[]; summary: object }> => {
    const command = `PATH=${programs}:$PATH ${process.execPath} ${MAIN} doctor --config /etc/smmap.toml --json`;
    const { code, stdout, stderr } = await postfix.type(command);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.length, stderr).toBeGreaterThan(0);
    const objects = lines.map((line) => JSON.parse(line) as Found);
    return { code, summary: objects.at(-1) as object, found: objects.slice(0, -1) };
  };
  const type = async (lines: readonly string[] = []): Promise<void> => {
    const { code, stderr } = await postfix.type(lines.join('\n'));
    expect(code, stderr).toBe(0);
  };

  test('finds nothing if nothing is wrong, and says if no mail server asks smmap', async () => {
    await type([PROXY]);
    expect(await doctor()).toMatchObject({ code: 0, found: [], summary: { mailServers: ['Postfix'], errors: 0 } });
    await type([STOCK]);
    const { code, found } = await doctor();
    expect([code, found]).toMatchObject([0, [{ severity: 'warning', where: 'mail servers' }]]);
  });

  test('finds a socket that smtpd cannot see from its chroot', async () => {
    await type([PROXY.replace('proxy:', '')]);
    const { code, found } = await doctor();
    expect([code, found.length]).toEqual([78, 1]);
    expect(found[0]).toMatchObject({ where: 'Postfix: virtual_mailbox_maps' });
    expect(found[0]?.reason).toMatch(/^smtpd, .* run in a chroot .* and do not see unix:\/run\/smmap\/smmap\.sock/);
    await type(found[0]?.commands);
    expect(await doctor()).toMatchObject({ code: 0, found: [] });
    expect((await postfix.type('postconf -h virtual_mailbox_maps')).stdout).toBe(
      `proxy:socketmap:unix:${SOCKET}:mailbox\n`,
    );
  });

  test('finds a place where smmap does not listen, also in master.cf', async () => {
    await type([PROXY.replace('smmap.sock', 'other.sock')]);
    const { code, found } = await doctor();
    expect(code).toBe(78);
    expect(found).toMatchObject([
      { reason: 'asks at unix:/run/smmap/other.sock, where /etc/smmap.toml has no listener' },
    ]);
    await type(found[0]?.commands);
    expect(await doctor()).toMatchObject({ code: 0, found: [] });
    await type(["postconf -P 'smtp/unix/transport_maps = proxy:socketmap:inet:127.0.0.1:1:mailbox'"]);
    const again = await doctor();
    expect(again.found).toMatchObject([{ where: 'Postfix: smtp/unix/transport_maps' }]);
    await type(again.found[0]?.commands);
    expect(await doctor()).toMatchObject({ code: 0, found: [] });
    await type(['postconf -PX smtp/unix/transport_maps']);
  });

  test('finds a map that the configuration does not have, and one that no mail server asks', async () => {
    await type([PROXY, `postconf -e 'virtual_alias_maps = proxy:socketmap:unix:${SOCKET}:virtual'`]);
    const { code, found } = await doctor();
    expect(code).toBe(78);
    expect(found).toMatchObject([
      {
        where: 'Postfix: virtual_alias_maps',
        reason: 'asks for the map virtual, which /etc/smmap.toml does not have, so it gets TEMP',
      },
    ]);
    await type(found[0]?.commands?.slice(0, 1));
    const { found: then } = await look();
    // The new map has no aliases yet: that is the next thing to do.
    expect(then.map(({ where, reason }) => `${where} ${reason}`)).toEqual([
      expect.stringMatching(
        /^\/etc\/smmap\.toml: map virtual replies TEMP to each key that it does not find: .*no alias was ever written/,
      ),
    ]);
    await type([STOCK, PROXY]);
    const more = await doctor('[map.mailbox]\n[map.spare]\n');
    expect([more.code, more.found]).toMatchObject([
      0,
      [{ reason: 'no mail server of this machine asks the map spare' }],
    ]);
  });

  test('finds a socket that the user of Postfix cannot reach', async () => {
    await type([PROXY]);
    const sockets = join(folder, 'sockets');
    await chmod(sockets, 0o700);
    const closed = await doctor();
    expect(closed.found).toMatchObject([{ commands: ['chmod o+x /run/smmap'] }]);
    expect(closed.found[0]?.reason).toBe(
      `the user postfix cannot connect to ${SOCKET}, because /run/smmap is root:root 0700`,
    );
    await type(closed.found[0]?.commands);
    expect(await doctor()).toMatchObject({ code: 0, found: [] });

    await type([`chgrp mail ${SOCKET}`, `chmod 0660 ${SOCKET}`]);
    const group = await doctor();
    expect(group.found).toMatchObject([{ commands: ['usermod --append --groups mail postfix', expect.any(String)] }]);
    await type(group.found[0]?.commands?.slice(0, 1));
    expect(await doctor()).toMatchObject({ code: 0, found: [] });

    await type([`chmod 0600 ${SOCKET}`]);
    expect((await doctor()).found).toMatchObject([{ commands: ['mode = "0666"'] }]);
    await type([`chmod 0666 ${SOCKET}`]);
  });

  test('finds a domain of alias_domains that Postfix does not know', async () => {
    await type([PROXY]);
    const maps =
      '[map.mailbox]\nalias_domains = { "sales.example" = "example.org", "bücher.example" = "example.org" }\n';
    const { code, found } = await doctor(maps);
    expect(code).toBe(78);
    expect(found[0]?.reason).toContain(
      'does not have sales.example, xn--bcher-kva.example (alias_domains of the map mailbox)',
    );
    await type(found[0]?.commands);
    expect(await doctor(maps)).toMatchObject({ code: 0, found: [] });
    expect((await postfix.type('postconf -h virtual_mailbox_domains')).stdout).toMatch(
      /, sales\.example, xn--bcher-kva\.example, bücher\.example\n$/,
    );
    await type([`postconf -e 'virtual_mailbox_domains = example.org, sales.example, xn--bcher-kva.example'`]);
    expect((await doctor(maps)).found).toMatchObject([
      { commands: [expect.stringContaining('bücher.example'), RELOAD] },
    ]);
  });

  /** No machine of these tests has SELinux: programs with these names say what its own would say. */
  test('finds what SELinux denies, if it is enforced', async () => {
    await type([PROXY]);
    expect(await doctor()).toMatchObject({ code: 0, found: [] });
    const programs = join(folder, 'selinux');
    await mkdir(programs);
    const say = (program: string, text: string, exitCode = 0): Promise<void> =>
      writeFile(join(programs, program), `#!/bin/sh\ncat <<'EOF'\n${text}\nEOF\nexit ${exitCode}\n`, { mode: 0o755 });
    const labels = '/run/smmap has context system_u:object_r:tmp_t:s0, should be system_u:object_r:var_run_t:s0';
    const denied = (what: string, more = 'permissive=0'): string =>
      `type=AVC msg=audit(1790000000.123:456): avc:  denied  { write } for  pid=99 comm="proxymap" ${what} ` +
      `scontext=system_u:system_r:postfix_master_t:s0 tcontext=system_u:object_r:var_run_t:s0 tclass=sock_file ${more}`;
    await say('matchpathcon', `${labels}\n${SOCKET} verified.`, 1);
    await say('ausearch', denied('name="smmap.sock" dev="tmpfs" ino=7'));
    await say('getenforce', 'Permissive');
    expect(await look(programs)).toMatchObject({ code: 0, found: [] });

    await say('getenforce', 'Enforcing');
    const { code, found } = await look(programs);
    expect([code, found]).toMatchObject([
      78,
      [
        {
          where: `SELinux: ${SOCKET}`,
          reason:
            '/run/smmap has the label system_u:object_r:tmp_t:s0, but the policy says system_u:object_r:var_run_t:s0',
          commands: [`restorecon -Fv /run/smmap ${SOCKET}`],
        },
        {
          where: `SELinux: ${SOCKET}`,
          reason: expect.stringMatching(/^SELinux denied it to postfix_master_t in the last ten minutes/) as string,
          commands: [
            "ausearch -m avc -ts today --raw | grep -F 'smmap.sock' | audit2allow -M smmap-mta",
            'semodule -i smmap-mta.pp',
          ],
        },
      ],
    ]);

    await say('matchpathcon', `/run/smmap verified.\n${SOCKET} verified.`);
    await say('ausearch', `${denied('path="/run/other.sock"')}\n${denied(`path="${SOCKET}"`, 'permissive=1')}`);
    expect(await look(programs)).toMatchObject({ code: 0, found: [] });
  });

  test('finds a daemon that is older than the installed smmap, or may open too few files', async () => {
    await type([PROXY]);
    await writeFile(join(folder, 'sockets/worker'), `${daemon.pid} 1\n`); // as smmap-keeper has it
    await chmod(MAIN, 0o755); // as if it was installed now
    const { code, found } = await doctor('[map.mailbox]\n', 1_000_000);
    expect([code, found]).toMatchObject([
      0,
      [
        { severity: 'warning', where: 'daemon', commands: ['systemctl restart smmap'] },
        { severity: 'warning', where: 'daemon', commands: [expect.any(String), 'systemctl restart smmap'] },
      ],
    ]);
    expect(found[0]?.reason).toMatch(/^process \d+ runs since before \/.*main\.js was installed/);
    expect(found[1]?.reason).toMatch(/^process \d+ may open \d+ files .* limits\.hard_connections needs 1000100$/);
    await rm(join(folder, 'sockets/worker'));
  });

  test('says what it could not examine without root', async () => {
    await type([PROXY]);
    const become = 'setpriv --reuid=1 --regid=1 --clear-groups --';
    const command = `${become} ${process.execPath} ${MAIN} doctor --config /etc/smmap.toml`;
    const { code, stderr } = await postfix.type(command);
    expect(code, stderr).toBe(69); // the control socket is for its owner
    expect(stderr).toMatch(/^smmap: user: only root can try the sockets .*; run it again as root\n/);
    expect(stderr).toMatch(/^smmap: daemon: does not answer at its control socket: .*permission denied/m);
  });

  test('finds a store that fails, and a missing daemon', async () => {
    await type([PROXY]);
    await type([`mv ${folder}/store ${folder}/away`]);
    await postfix.type(`${process.execPath} ${MAIN} probe --server unix:${SOCKET} fred@example.org; true`);
    const failing = await doctor();
    expect(failing.found.map(({ where }) => where)).toContain('store local');
    await type([`mv ${folder}/away ${folder}/store`]);
    await daemon.kill();
    const { code, found } = await doctor();
    expect([code, found]).toMatchObject([
      69,
      [{ where: 'daemon', commands: ['systemctl start smmap', expect.any(String)] }],
    ]);
  });
});
