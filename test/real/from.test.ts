// What the pages in docs/from say is typed here as it stands there.

import { readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { findMariadb } from '../support/mariadb.ts';
import { findPostgresql } from '../support/postgresql.ts';
import { postfixadmin } from '../support/schema/postfixadmin.ts';
import { type Result, run } from './command.ts';
import { findCyrus } from './cyrus.ts';
import { type Daemon, MAIN, fill, makeFolder, serve, startDaemon } from './daemon.ts';
import { findDebianPostfix } from './mta-postfix.ts';
import { type Mta, makeTrustedFolder } from './mta.ts';
import { PARTS, describePart } from './part.ts';

/** The blocks of one language of a page. */
interface Blocks {
  /** Those of a section, in their order. */
  of(title: string): readonly string[];
  /** The sections whose blocks nobody asked for. */
  unasked(): readonly string[];
}

function blocksOf(page: string, language: string): Blocks {
  const text = readFileSync(new URL(`../../docs/from/${page}.md`, import.meta.url), 'utf8');
  const block = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms');
  const sections = new Map(
    text.split(/^## /m).map((section) => {
      const blocks = [...section.matchAll(block)].map(([, lines]) => lines as string);
      return [section.split('\n')[0] as string, blocks] as const;
    }),
  );
  const asked = new Set<string>();
  return {
    of(title) {
      asked.add(title);
      return sections.get(title) ?? [];
    },
    unasked: () =>
      [...sections].filter(([title, { length }]) => length > 0 && !asked.has(title)).map(([title]) => title),
  };
}

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
  const sh = blocksOf('postfix-tables', 'sh');
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

  test('to smmap and back', async () => {
    await done(`cat > /etc/postfix/vmailbox <<'END'\n${VMAILBOX}END\ncat > /etc/postfix/virtual <<'END'\n${VIRTUAL}END
postmap hash:/etc/postfix/vmailbox hash:/etc/postfix/virtual
postconf -e virtual_mailbox_maps=hash:/etc/postfix/vmailbox virtual_alias_maps=hash:/etc/postfix/virtual`);
    const [vmailbox, virtual] = [await written('vmailbox'), await written('virtual')];

    expect(await done(sh.of('See what you have')[0] as string)).toContain('hash:/etc/postfix/vmailbox');
    const [copy, fromDatabase, fromUsers] = sh.of('Copy');
    await done(copy as string);
    expect(await done('smmap mailbox list')).toBe('joe@example.net\nfred@example.org\nwilma@example.org\n');
    await done(`smmap mailbox remove joe@example.net\n${fromDatabase}`);

    expect(await done(sh.of('Compare')[0] as string)).toBe('all are OK\n');
    await done('smmap mailbox remove joe@example.net');
    expect(await done(sh.of('Compare')[0] as string)).toBe('joe@example.net\tNOTFOUND\n');

    expect(await done(sh.of('Switch')[0] as string)).toBe('fred@example.org\n');
    expect(await done('postconf -h virtual_mailbox_maps')).toContain('socketmap');

    await done(
      'smmap mailbox import --format postmap /etc/postfix/vmailbox; smmap mailbox add --state disabled gone@example.org',
    );
    const [restore, write] = sh.of('Go back');
    await done(restore as string);
    expect(await done('postconf -h virtual_mailbox_maps')).toBe('hash:/etc/postfix/vmailbox\n');
    await done('rm /etc/postfix/vmailbox* /etc/postfix/virtual*');
    await done(write as string);
    expect(await written('vmailbox')).toBe(vmailbox);
    expect((await written('virtual')).replaceAll(', ', ',').replace('\tvirtual', '\tanything')).toBe(
      virtual.replaceAll(/, +/g, ','),
    );
    await done(fromUsers as string);
    expect(await done('smmap mailbox list')).toContain('nobody@example.org');
    expect(sh.unasked()).toEqual([]);
  });

  test('a line for a whole domain is named, and not imported', async () => {
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
  const [postgresql, mysql] = blocksOf('postfixadmin', 'sql').of('Give smmap an account');
  await sql(driver === 'mysql' ? (mysql as string) : (postgresql as string));
  const sh = blocksOf('postfixadmin', 'sh');
  const folder = await makeFolder();
  await writeFile(join(folder, 'main.cf'), 'virtual_mailbox_maps = what was there\n');
  const here = (text: string): string => text.replaceAll(/\/etc\/(?:smmap|postfix)/g, folder);
  const [toml = ''] = blocksOf('postfixadmin', 'toml').of('Configure');
  expect(toml).toContain('driver = "postgresql"\nurl = "postgresql://smmap@localhost/postfixadmin"');
  const config = here(toml)
    .replace('"postgresql"', `"${driver}"`)
    .replace('"postgresql://smmap@localhost/postfixadmin"', JSON.stringify(url));
  const [password, ask] = sh.of('Configure').map(here);
  const programs = await makePrograms(folder, join(folder, 'smmap.toml'), { postfix: 'true' });
  const type = (lines: string): Promise<Result> => run('sh', ['-c', `PATH=${programs}:$PATH\n${lines}`]);
  expect((await type(password as string)).code).toBe(0);
  const daemon = await serve({ folder, config: `listen.mta.path = "${join(folder, 'smmap.sock')}"\n${config}` });
  await daemon.logged('store_opened');
  const { stdout, stderr } = await type(ask as string);
  expect(stdout, stderr).toContain('fred@example.org\tOK fred@example.org\nnobody@example.org\tOK'); // by the catch-all
  expect((await type('smmap probe nobody@stands-off.example')).stdout).toMatch(/\tNOTFOUND/);
  const [switched] = sh.of('Switch').map(here);
  expect((await type(switched as string)).stdout).toContain('proxy:socketmap:');
  await writeFile(join(folder, 'main.cf'), 'virtual_mailbox_maps = those of smmap\n');
  const [back] = sh.of('Go back').map(here);
  expect((await type(back as string)).code).toBe(0);
  expect(readFileSync(join(folder, 'main.cf'), 'utf8')).toBe('virtual_mailbox_maps = what was there\n');
  expect(sh.unasked()).toEqual([]);
}

describePart('From PostfixAdmin, with PostgreSQL', findPostgresql(PARTS), (installation) => {
  test('to smmap', async () => {
    const server = await installation.start();
    onTestFinished(() => server.stop());
    await server.sql('create database postfixadmin');
    const sql = (text: string): Promise<unknown> => server.sql(text, [], 'postfixadmin');
    await sql([...(postfixadmin.definitions.postgresql ?? []), ...postfixadmin.rows, CANARY].join('; '));
    await followPostfixadmin({ driver: 'postgresql', url: server.url('postfixadmin', 'smmap'), sql });
  });
});

describePart('From PostfixAdmin, with MariaDB', await findMariadb(PARTS), (installation) => {
  test('to smmap', async () => {
    const server = await installation.start();
    onTestFinished(() => server.stop());
    await server.sql('create database postfixadmin');
    const sql = (text: string): Promise<unknown> => server.sql(`use postfixadmin; ${text}`);
    await sql([...(postfixadmin.definitions.mysql ?? []), ...postfixadmin.rows, CANARY].join('; '));
    await followPostfixadmin({ driver: 'mysql', url: server.url('postfixadmin', 'smmap'), sql });
  });
});

describePart('From Cyrus', await findCyrus(PARTS), (installation) => {
  test('to smmap', async () => {
    const sh = blocksOf('cyrus', 'sh');
    const cyrus = await installation.start({ unixhierarchysep: true, postuser: '', virtdomains: 'userid' });
    onTestFinished(() => cyrus.stop());
    await cyrus.create([{ name: 'user/fred' }, { name: 'user/fred/lists', rights: { anyone: 'p' } }]);
    const folder = await makeFolder();
    const dump = join(folder, 'dump');
    await writeFile(dump, await cyrus.dump());
    const here = (text: string): string => text.replaceAll('/root', folder);
    const su = `[ "$*" = "cyrus -s /bin/sh -c /usr/lib/cyrus/bin/ctl_mboxlist -d" ] && exec cat ${dump}`;
    const programs = await makePrograms(folder, join(folder, 'smmap.toml'), { su });
    const type = (lines: string): Promise<Result> => run('sh', ['-c', `PATH=${programs}:$PATH\n${here(lines)}`]);
    const [map = ''] = blocksOf('cyrus', 'toml').of('Configure');
    const places = `listen.mta.path = "${join(folder, 'smmap.sock')}"\nstore.local = { driver = "embedded", path = "${join(folder, 'store')}" }\n`;
    await writeFile(join(folder, 'smmap.toml'), places + map);

    const copied = await type(sh.of('Copy')[0] as string);
    expect(copied.stdout, copied.stderr).toContain('fred@example.org');
    await serve({ folder, config: places + map });
    const asked = await type(sh.of('Configure')[0] as string);
    expect(asked.stdout, asked.stderr).toContain('fred@example.org\tOK fred@example.org\nfred+lists@example.org\tOK');
    expect(asked.stdout).toContain('nobody@example.org\tNOTFOUND');
    const printed = await type(sh.of('Switch')[0] as string);
    expect(printed.stdout, printed.stderr).toContain('socket');
    expect((await type(sh.of('Go back')[0] as string)).stdout).toBe('@example.org\nfred@example.org\n');
    expect(sh.unasked()).toEqual([]);
  });
});
