// What `smmap diff` says of two places that differ in known ways, and of places that fail.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Result } from './command.ts';
import { MAIN, cli, fill, makeFolder, serve } from './daemon.ts';
import { describePart, PARTS } from './part.ts';
import { findPostfix } from './postfix.ts';

const MEMORY = `
[store.new]
driver = "memory"
mailboxes = ["same@a.test", "new@a.test", "full@a.test state=overquota", "off@a.test state=disabled", "both@a.test"]
aliases = ["both@a.test same@a.test", "info@a.test b@a.test, a@A.test", "other@a.test c@a.test", "@b.test same@a.test"]
tables = { access = ["a.test OK", "b.test REJECT"] }
`;
const MAPS = `
[map.mailbox]
stores = ["local"]
[map.alias]
kind = "alias"
stores = ["local"]
[map.recipients]
aliases = true
stores = ["local"]
[map.domains]
kind = "domain"
stores = ["local"]
[map.access]
kind = "table"
stores = ["local"]
`;

let folder: string;
let file: string;

/** Writes a configuration, and fills the embedded store `local`. */
async function prepare(more: string, maps = MAPS): Promise<void> {
  folder = await makeFolder();
  file = join(folder, 'smmap.toml');
  const store = join(folder, 'store');
  await writeFile(
    file,
    `listen.mta.path = "${folder}/s"\nstore.local = { driver = "embedded", path = "${store}" }\n${more}${maps}`,
  );
  await fill(store, ['same@a.test', 'old@a.test', 'full@a.test', 'off@a.test', 'both@a.test']);
  const aliases =
    'both@a.test same@a.test\ninfo@a.test a@a.test, b@a.test\nother@a.test a@a.test\n@b.test same@a.test\n';
  expect((await cli(['alias', 'import', '--store', store, '-'], aliases)).code).toBe(0);
  expect((await cli(['table', 'import', '--store', store, 'access', '-'], 'a.test REJECT\n')).code).toBe(0);
}

const diff = (args: readonly string[], stdin = '', env: Record<string, string> = {}): Promise<Result> =>
  cli(['diff', '--config', file, ...args], stdin, { env });

const BOTH = ['--store', 'local', '--store', 'new'];

describe('smmap diff with two stores', () => {
  beforeEach(() => prepare(MEMORY));

  test('names the mailboxes of the first one that differ', async () => {
    const { code, stdout, stderr } = await diff(BOTH);
    expect(stdout).toBe(
      'full@a.test\tlocal: OK full@a.test\tnew: TEMP mailbox is over quota (overquota)\n' +
        'off@a.test\tlocal: OK off@a.test\tnew: NOTFOUND (disabled)\n' +
        'old@a.test\tlocal: OK old@a.test\tnew: NOTFOUND\n',
    );
    expect(stderr).toBe(
      'smmap: asked: 5, same: 2 (in neither: 0), differ: 3, failed: 0\n' +
        'smmap: only in local: 1, only in new: 0, in both but different: 2\n',
    );
    expect(code).toBe(1);
  });

  test('names what only the second one has, the other way round', async () => {
    const { code, stdout } = await diff(['--store', 'new', '--store', 'local']);
    expect(stdout).toContain('new@a.test\tnew: OK new@a.test\tlocal: NOTFOUND\n');
    expect(code).toBe(1);
  });

  test('names aliases with other targets, in any order, and asks each address once', async () => {
    const aliases = await diff([...BOTH, '--map', 'alias']);
    expect(aliases.stdout).toBe('other@a.test\tlocal: OK a@a.test\tnew: OK c@a.test\n');
    expect(aliases.stderr).toContain('asked: 4, same: 3 (in neither: 0)');
    expect((await diff([...BOTH, '--map', 'recipients'])).stderr).toContain('asked: 8,');
  });

  test('names values of a table that differ', async () => {
    const { stdout } = await diff([...BOTH, '--map', 'access']);
    expect(stdout).toBe('a.test\tlocal: OK REJECT\tnew: OK OK\n');
  });

  test('asks for the lines of standard input, in their order', async () => {
    const list = '# comment\nold@a.test\n\nnobody@a.test\r\nnew@a.test\nsame@a.test\n';
    const { code, stdout, stderr } = await diff([...BOTH, '-'], list);
    expect(stdout.split('\n').map((line) => line.split('\t')[0])).toEqual(['old@a.test', 'new@a.test', '']);
    expect(stderr).toContain('asked: 4, same: 2 (in neither: 1), differ: 2, failed: 0');
    expect(code).toBe(1);
  });

  test('exits with 0 if all are the same', async () => {
    const { code, stdout, stderr } = await diff([...BOTH, '-'], 'same@a.test\n');
    expect([code, stdout]).toEqual([0, '']);
    expect(stderr).toContain('asked: 1, same: 1 (in neither: 0), differ: 0, failed: 0');
  });

  test('prints JSON', async () => {
    const { stdout } = await diff([...BOTH, '--json', '-'], 'old@a.test\nsame@a.test\n');
    expect(
      stdout
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([
      { key: 'old@a.test', result: 'only_a', a: 'OK old@a.test', b: 'NOTFOUND' },
      expect.objectContaining({ a: 'local', b: 'new', asked: 2, same: 1, only_a: 1, failed: 0, exitCode: 1 }),
    ]);
  });

  test.each([
    ['one side', ['--store', 'local'], '', 64, 'give two different stores'],
    ['the same store twice', ['--store', 'local', '--store', 'local'], '', 64, 'give two different stores'],
    ['three sides', [...BOTH, '--with', 'postmap:hash:/x'], '', 64, 'give two different stores'],
    ['another program', ['--store', 'local', '--with', 'hash:/x'], '', 64, 'give postmap:TYPE:FILE'],
    [
      'an unknown store',
      ['--store', 'local', '--store', 'x'],
      '',
      64,
      'there is no store x; the stores are local, new',
    ],
    ['an unknown map', [...BOTH, '--map', 'x'], '', 64, 'there is no map x; the maps are mailbox, alias'],
    ['domains without a list', [...BOTH, '--map', 'domains'], '', 64, 'its domains are not listed'],
    ['an empty list', [...BOTH, '-'], '\n', 65, 'standard input: has nothing to compare'],
    ['two columns', [...BOTH, '-'], 'same@a.test\tx\n', 65, 'standard input:1: has a tab'],
    ['a file that is missing', [...BOTH, '/no/list'], '', 74, '/no/list: cannot be read'],
  ])('refuses %s', async (_, args, stdin, code, said) => {
    const result = await diff(args, stdin);
    expect(result.stderr).toContain(said);
    expect([result.code, result.stdout]).toEqual([code, '']);
  });
});

test('a store that cannot be listed ends the comparison', async () => {
  await prepare('[store.lists]\ndriver = "file"\nmailboxes = "/no/list"\n');
  const { code, stdout, stderr } = await diff(['--store', 'lists', '--store', 'local']);
  expect(stderr).toContain('smmap: store lists: /no/list cannot be read: ENOENT');
  expect([code, stdout]).toEqual([69, '']);
});

test('a store that fails in the middle is no absence, and ends the comparison', async () => {
  const far = await serve({
    config: `listen.mta.path = "s"\nstore.all = { driver = "memory", mailboxes = ["same@a.test"] }`.replace(
      '"s"',
      JSON.stringify(join(await makeFolder(), 's')),
    ),
  });
  await prepare(
    `
    [store.far]
    driver = "socketmap"
    server = "unix:${far.socket}"
    mailbox = "mailbox"
    canary = { mailbox = "same@a.test" }
    [map.mailbox]
    stores = ["local"]`,
    '',
  );
  const list = join(folder, 'list');
  const absent = Array.from({ length: 100_000 }, (_, at) => `u${at}@a.test\n`);
  await writeFile(list, `old@a.test\n${absent.join('')}`);
  const child = spawn(process.execPath, [MAIN, 'diff', '--config', file, '--store', 'local', '--store', 'far', list]);
  let [stdout, stderr] = ['', ''];
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (stdout === '') void far.kill();
    stdout += text;
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  const [first, ...failed] = stdout.split('\n').filter(Boolean);
  expect(first).toBe('old@a.test\tlocal: OK old@a.test\tfar: NOTFOUND');
  expect(failed.length).toBeGreaterThanOrEqual(1_000);
  expect(failed.filter((line) => !/^u\d+@a\.test\tlocal: NOTFOUND\tfar: failed \(.+\)$/.test(line))).toEqual([]);
  expect(stderr).toMatch(/stopped, because \d+ addresses in a row failed/);
  expect(stderr).toContain(`differ: 1, failed: ${failed.length}\n`);
  expect(code).toBe(69);
});

test('the memory does not grow with the number of addresses', async () => {
  await prepare('');
  const copy = join(folder, 'copy');
  await cp(join(folder, 'store'), copy, { recursive: true });
  await writeFile(file, `store.copy = { driver = "embedded", path = "${copy}" }\n${await readFile(file, 'utf8')}`);
  const list = join(folder, 'list');
  await writeFile(list, Array.from({ length: 300_000 }, (_, at) => `u${at}@a.test\n`).join(''));
  const child = spawn(process.execPath, [MAIN, 'diff', '--config', file, '--store', 'local', '--store', 'copy', list]);
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  let mostKb = 0;
  const look = setInterval(() => {
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
    mostKb = Math.max(mostKb, Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0));
  }, 50);
  const code = await new Promise((resolve) => child.on('exit', resolve).on('exit', () => clearInterval(look)));
  expect(stderr).toContain('asked: 300000, same: 300000 (in neither: 300000)');
  expect(code).toBe(0);
  expect(mostKb).toBeGreaterThan(20_000);
  expect(mostKb).toBeLessThan(110_000); // it is 60 MB, and 150 MB without a turn of the event loop after each chunk
});

describePart('smmap diff with postmap', await findPostfix(PARTS), (postfix) => {
  let programs: string;
  const withTable = (table: string, ...args: string[]): Promise<Result> =>
    diff(['--store', 'local', '--with', `postmap:${table}`, ...args], '', {
      PATH: `${programs}${delimiter}${process.env['PATH'] ?? ''}`,
    });
  beforeEach(async () => {
    await prepare('');
    programs = join(folder, 'programs');
    await mkdir(programs);
    await postfix.install(programs);
  });
  const makeTable = async (lines: string): Promise<string> => {
    const table = `hash:${join(folder, 'table')}`;
    await writeFile(join(folder, 'table'), lines);
    const { code, stderr } = await postfix.postmap([table]);
    expect(code, stderr).toBe(0);
    return table;
  };

  test('names the mailboxes that the table lacks, and no others', async () => {
    const table = await makeTable('same@a.test a.test/same/\nFULL@a.test x\noff@a.test y\nboth@a.test z\n');
    const { code, stdout, stderr } = await withTable(table);
    expect(stdout, stderr).toBe(`old@a.test\tlocal: OK old@a.test\t${table}: NOTFOUND\n`);
    expect(stderr).toContain('asked: 5, same: 4 (in neither: 0), differ: 1, failed: 0');
    expect(code).toBe(1);
  });

  test('names aliases with other targets, and knows catch-alls', async () => {
    const table = await makeTable(
      'both@a.test same@a.test\ninfo@a.test b@a.test,a@a.test\nother@a.test c@a.test\n@b.test same@a.test\n',
    );
    const { stdout, stderr } = await withTable(table, '--map', 'alias');
    expect(stdout, stderr).toBe(`other@a.test\tlocal: OK a@a.test\t${table}: OK c@a.test\n`);
  });

  test('a table without any of the keys is a table, and not a failure', async () => {
    const { code, stderr } = await withTable(await makeTable('x@x.test x\n'));
    expect(stderr).toContain('only in local: 5,');
    expect(code).toBe(1);
  });

  test.each([
    ['is missing', 'hash:/no/table', 'open database /no/table.db: No such file'],
    ['has no such type', 'nonsense:/no/table', 'unsupported dictionary type: nonsense'],
  ])('a table that %s is a failure for each key', async (_, table, said) => {
    const { code, stdout, stderr } = await withTable(table);
    expect(stderr).toContain('same: 0 (in neither: 0), differ: 0, failed: 5');
    expect(stdout + stderr).toContain(said);
    expect(code).toBe(69);
  });

  test.each([
    ['is killed', 'kill -KILL $$', 'postmap was killed'],
    ['ends with 1, as for an absence', 'exit 1', 'postmap ended with exit code 1'],
    ['ends as if all were well', 'exit 0', 'postmap did not print a line for each key'],
  ])('a postmap that %s in the middle is a failure for each key', async (_, line, said) => {
    const lines = `#!/bin/sh\nprintf 'same@a.test\\tx\\n'\n${line}\n`;
    await writeFile(join(programs, 'postmap'), lines, { mode: 0o755 });
    const { code, stdout, stderr } = await withTable('hash:/x');
    expect(stderr).toContain('differ: 0, failed: 5');
    expect(stdout).toContain(`same@a.test\tlocal: OK same@a.test\thash:/x: failed (${said})\n`);
    expect(code).toBe(69);
  });

  test('no postmap is said so', async () => {
    const { code, stderr } = await diff(['--store', 'local', '--with', 'postmap:hash:/x'], '', { PATH: '/nowhere' });
    expect([code, stderr]).toEqual([69, 'smmap: postmap cannot be run (spawn postmap ENOENT)\n']);
  });
});
