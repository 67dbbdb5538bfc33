// What the pages in docs/from say is typed here as it stands there.

import { readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { createEmpty } from '../../src/store/driver/embedded/whole.ts';
import { findMariadb } from '../support/mariadb.ts';
import { openPage } from '../support/page.ts';
import { findPostgresql } from '../support/postgresql.ts';
import { postfixadmin } from '../support/schema/postfixadmin.ts';
import { type Result, run } from './command.ts';
import { findCyrus } from './cyrus.ts';
import { type Daemon, MAIN, fill, makeFolder, serve, startDaemon } from './daemon.ts';
import { findDebianPostfix } from './mta-postfix.ts';
import { type Mta, makeTrustedFolder } from './mta.ts';
import { PARTS, describePart } from './part.ts';

/** Makes a folder of programs that stand in for those of the machine. */
async function makePrograms(
  folder: string,
  config: string,
  more: Readonly<Record<string, string>> = {},
): Promise<string> {
  const programs = join(folder, 'programs-of-test');
  await mkdir(programs, { mode: 0o755 });
  const smmap = `SMMAP_CONFIG=${config} exec ${process.execPath} ${MAIN} "$@"`;
  const all = { smmap, systemctl: 'exec smmap reload', chown: 'true', ...more };
  for (const [name, lines] of Object.entries(all)) {
    await writeFile(join(programs, name), `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
  }
  return programs;
}

const VMAILBOX = `# mailboxes
fred@example.org example.org/fred/
wilma@example.org
   example.org/wilma/

joe@example.net OK
`;
const VIRTUAL = 'example.com anything\ninfo@example.com fred@example.org,\n  wilma@example.org\n';

describePart("From Postfix's tables, with Debian's Postfix", await findDebianPostfix(PARTS), ({ start }) => {
  const page = openPage('docs/from/postfix-tables.md');
  let daemon: Daemon;
  let postfix: Mta;
  let programs: string;
  const type = async (lines: string): Promise<Result> => postfix.type(`PATH=${programs}:$PATH\n${lines}`);
  const done = async (lines: string): Promise<string> => {
    const { code, stdout, stderr } = await type(lines);
    expect(code, `${lines}${stderr}${stdout}`).toBe(0);
    return stdout;
  };
  const written = (file: string): Promise<string> => done(`postmap -s hash:/etc/postfix/${file} | LC_ALL=C sort`);

  beforeAll(async () => {
    const folder = await makeTrustedFolder();
    const sockets = join(folder, 'sockets');
    await mkdir(sockets, { mode: 0o755 });
    await fill(join(folder, 'store'), []);
    daemon = await startDaemon({
      folder,
      config: `
        listen.mta.path = "${join(sockets, 'smmap.sock')}"
        store.local = { driver = "embedded", path = "${join(folder, 'store')}" }`,
    });
    programs = await makePrograms(folder, join(folder, 'smmap.toml'));
    postfix = await start(folder, sockets);
    return async () => {
      await postfix.stop();
      await daemon.end();
      await rm(folder, { recursive: true, force: true });
    };
  });

  test('leads to smmap and back', async () => {
    await done(`cat > /etc/postfix/vmailbox <<'END'\n${VMAILBOX}END\ncat > /etc/postfix/virtual <<'END'\n${VIRTUAL}END
postmap hash:/etc/postfix/vmailbox hash:/etc/postfix/virtual
postconf -e virtual_mailbox_maps=hash:/etc/postfix/vmailbox virtual_alias_maps=hash:/etc/postfix/virtual`);
    const [vmailbox, virtual] = [await written('vmailbox'), await written('virtual')];

    expect(await done(page.take('See what you have'))).toContain('hash:/etc/postfix/vmailbox');
    const [copy, fromDatabase, fromUsers] = [page.take('Copy'), page.take('Copy', 1), page.take('Copy', 2)];
    await done(copy);
    expect(await done('smmap mailbox list')).toBe('joe@example.net\nfred@example.org\nwilma@example.org\n');
    await done(`smmap mailbox remove joe@example.net\n${fromDatabase}`);

    const [compare, otherWay] = [page.take('Compare'), page.take('Compare', 1)];
    expect(await done(compare)).toBe('');
    expect(await done(otherWay)).toBe('');
    await done('smmap mailbox remove joe@example.net; smmap mailbox add new@example.org');
    const [lacking, more] = [await type(compare), await type(otherWay)];
    expect(lacking.stdout).toBe('joe@example.net\tlocal: NOTFOUND\thash:/etc/postfix/vmailbox: OK OK\n');
    expect(lacking.stderr).toContain('smmap: asked: 3, same: 2 (in neither: 0), differ: 1, failed: 0\n');
    expect(more.stdout).toBe('new@example.org\tlocal: OK new@example.org\thash:/etc/postfix/vmailbox: NOTFOUND\n');
    expect([lacking.code, more.code]).toEqual([1, 1]);
    await done('smmap mailbox remove new@example.org');

    expect(await done(page.take('Switch'))).toBe('fred@example.org\n');
    expect(await done('postconf -h virtual_mailbox_maps')).toContain('socketmap');

    await done(
      'smmap mailbox import --format postmap /etc/postfix/vmailbox; smmap mailbox add --state disabled gone@example.org',
    );
    const [restore, write] = [page.take('Go back'), page.take('Go back', 1)];
    await done(restore);
    expect(await done('postconf -h virtual_mailbox_maps')).toBe('hash:/etc/postfix/vmailbox\n');
    await done('rm /etc/postfix/vmailbox* /etc/postfix/virtual*');
    await done(write);
    expect(await written('vmailbox')).toBe(vmailbox);
    expect((await written('virtual')).replaceAll(', ', ',').replace('\tvirtual', '\tanything')).toBe(
      virtual.replaceAll(/, +/g, ','),
    );
    await done(fromUsers);
    expect(await done('smmap mailbox list')).toContain('nobody@example.org');
    expect(page.rest()).toEqual([]);
  });

  test('warns of a line for a whole domain, which is not imported', async () => {
    const { code, stderr } = await type("printf '@example.net OK\\n' | smmap mailbox import --format postmap -");
    expect(code).toBe(65);
    expect(stderr).toContain('@example.net: means all addresses of its domain');
  });
});

/** A database of PostfixAdmin. */
interface Database {
  readonly driver: 'postgresql' | 'mysql';
  readonly url: string;
  readonly sql: (text: string) => Promise<unknown>;
}

const CANARY = `insert into mailbox (username, local_part, domain, active) values ('postmaster@example.org', 'postmaster', 'example.org', true)`;

/** Gives smmap its account, configures it and asks it, as the page says. */
async function followPostfixadmin({ driver, url, sql }: Database): Promise<void> {
  const page = openPage('docs/from/postfixadmin.md');
  await sql(page.take('Give smmap an account', driver === 'mysql' ? 1 : 0, 'sql'));
  const folder = await makeFolder();
  await writeFile(join(folder, 'main.cf'), 'virtual_mailbox_maps = what was there\n');
  const here = (text: string): string => text.replaceAll(/\/etc\/(?:smmap|postfix)/g, folder);
  const toml = page.take('Configure', 0, 'toml');
  expect(toml).toContain('driver = "postgresql"\nurl = "postgresql://smmap@localhost/postfixadmin"');
  const config = here(toml)
    .replace('"postgresql"', `"${driver}"`)
    .replace('"postgresql://smmap@localhost/postfixadmin"', JSON.stringify(url));
  const [password, ask] = [here(page.take('Configure')), here(page.take('Configure', 1))];
  const programs = await makePrograms(folder, join(folder, 'smmap.toml'), { postfix: 'true' });
  const type = (lines: string): Promise<Result> => run('sh', ['-c', `PATH=${programs}:$PATH\n${lines}`]);
  expect((await type(password)).code).toBe(0);
  const daemon = await serve({ folder, config: `listen.mta.path = "${join(folder, 'smmap.sock')}"\n${config}` });
  await daemon.logged('store_opened');
  const { stdout, stderr } = await type(ask);
  expect(stdout, stderr).toContain('fred@example.org\tOK fred@example.org\nnobody@example.org\tOK'); // by the catch-all
  expect((await type('smmap probe nobody@stands-off.example')).stdout).toMatch(/\tNOTFOUND/);
  const switched = here(page.take('Switch'));
  expect((await type(switched)).stdout).toContain('proxy:socketmap:');
  await writeFile(join(folder, 'main.cf'), 'virtual_mailbox_maps = those of smmap\n');
  const back = here(page.take('Go back'));
  expect((await type(back)).code).toBe(0);
  expect(readFileSync(join(folder, 'main.cf'), 'utf8')).toBe('virtual_mailbox_maps = what was there\n');
  expect(page.rest()).toEqual([]);
}

describePart('docs/from/postfixadmin.md, with PostgreSQL', findPostgresql(PARTS), (installation) => {
  test('leads to smmap', async () => {
    const server = await installation.start();
    onTestFinished(() => server.stop());
    await server.sql('create database postfixadmin');
    const sql = (text: string): Promise<unknown> => server.sql(text, [], 'postfixadmin');
    await sql([...(postfixadmin.definitions.postgresql ?? []), ...postfixadmin.rows, CANARY].join('; '));
    await followPostfixadmin({ driver: 'postgresql', url: server.url('postfixadmin', 'smmap'), sql });
  });
});

describePart('docs/from/postfixadmin.md, with MariaDB', await findMariadb(PARTS), (installation) => {
  test('leads to smmap', async () => {
    const server = await installation.start();
    onTestFinished(() => server.stop());
    await server.sql('create database postfixadmin');
    const sql = (text: string): Promise<unknown> => server.sql(`use postfixadmin; ${text}`);
    await sql([...(postfixadmin.definitions.mysql ?? []), ...postfixadmin.rows, CANARY].join('; '));
    await followPostfixadmin({ driver: 'mysql', url: server.url('postfixadmin', 'smmap'), sql });
  });
});

const replace = openPage('docs/cyrus.md');
const copied = replace.take('Copy the list');
const leftOver = replace.take('Keep the copy fresh', 1);

test('every block of docs/cyrus.md is typed, except what needs the files of a system', () => {
  expect(replace.rest()).toEqual([
    'smmap cmd="smmapd" listen="/run/cyrus/socket/smmapd" prefork=1 maxchild=20', // test/real/cyrus.ts writes it
    String.raw`sed -i -E 's/^\s*(pop3|nntp|http)\s/#&/' /etc/cyrus.conf && systemctl restart cyrus-imapd`, // test/suites/stores.ts
    "echo 'a+ /run/cyrus/socket - - - - user:smmap:x' > /etc/tmpfiles.d/smmap-cyrus.conf",
    'smmap check --stores', // test/real/cyrus-store.test.ts asks a real Cyrus
    '# /etc/systemd/system/smmap-cyrus.service',
  ]);
});

describePart('From Cyrus', await findCyrus(PARTS), (installation) => {
  test('to smmap', async () => {
    const page = openPage('docs/from/cyrus.md');
    const cyrus = await installation.start({ unixhierarchysep: true, postuser: '', virtdomains: 'userid' });
    onTestFinished(() => cyrus.stop());
    await cyrus.create([{ name: 'user/fred' }, { name: 'user/fred/lists', rights: { anyone: 'p' } }]);
    const folder = await makeFolder();
    const dump = join(folder, 'dump');
    await writeFile(dump, await cyrus.dump());
    const here = (text: string): string => text.replaceAll('/root', folder);
    const runuser = `[ "$*" = "-u cyrus -- /usr/lib/cyrus/bin/ctl_mboxlist -d" ] && exec cat ${dump}`;
    const programs = await makePrograms(folder, join(folder, 'smmap.toml'), { runuser });
    const type = (lines: string): Promise<Result> => run('sh', ['-c', `PATH=${programs}:$PATH\n${here(lines)}`]);
    const map = page.take('Configure', 0, 'toml');
    const places = `listen.mta.path = "${join(folder, 'smmap.sock')}"\nstore.local = { driver = "embedded", path = "${join(folder, 'store')}" }\n`;
    await writeFile(join(folder, 'smmap.toml'), places + map);

    await createEmpty(join(folder, 'store'));
    const taken = await type(page.take('Copy'));
    expect(taken.stdout, taken.stderr).toContain('fred@example.org');
    await serve({ folder, config: places + map });
    const asked = await type(page.take('Configure'));
    expect(asked.stdout, asked.stderr).toContain('fred@example.org\tOK fred@example.org\nfred+lists@example.org\tOK');
    expect(asked.stdout).toContain('nobody@example.org\tNOTFOUND');
    const printed = await type(page.take('Switch'));
    expect(printed.stdout, printed.stderr).toContain('socket');
    expect((await type(page.take('Go back'))).stdout).toBe('@example.org\nfred@example.org\n');
    const again = await type(`${copied}smmap mailbox add left@example.org\ncd ${folder}\n${leftOver}`);
    expect([again.code, again.stdout], again.stderr).toEqual([0, 'added left@example.org\nleft@example.org\n']);
    expect(page.rest()).toEqual([]);
  });
});
