// `smmap doctor` where a part of its installation is missing, or the daemon runs with another Node.

import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { run } from './command.ts';
import { cli, copyProgram, makeFolder, serve } from './daemon.ts';

interface Found {
  readonly where: string;
  readonly reason: string;
  readonly remedy: string;
}

const EMBEDDED = 'driver = "embedded"';

/** What it says of a store, on a copy of smmap. */
async function doctorOf(main: string, store: string): Promise<{ code: number; found: Found | undefined }> {
  const folder = dirname(dirname(main));
  const config = join(folder, 'smmap.toml');
  const text = `listen.mta.path = "${folder}/smmap.sock"\n[store.local]\npath = "${folder}/store"\n${store}\n[map.mailbox]\n`;
  writeFileSync(config, text);
  const { code, stdout, stderr } = await run(process.execPath, [main, 'doctor', '--config', config, '--json']);
  expect(stderr).toBe('');
  const lines = stdout.trimEnd().split('\n');
  const found = lines.map((line) => JSON.parse(line) as Found);
  return { code, found: found.find(({ where }) => where.endsWith(': store local')) };
}

test('finds that npm left out the compiled part of lmdb, as commands and the daemon do', async () => {
  const main = await copyProgram(/^@lmdb$/, /^lmdb$/);
  const folder = dirname(dirname(main));
  const { code, found } = await doctorOf(main, EMBEDDED);
  const { version } = JSON.parse(readFileSync(join(folder, 'node_modules/lmdb/package.json'), 'utf8')) as {
    version: string;
  };
  expect(code).toBe(78);
  expect(found?.reason).toMatch(/^the package lmdb cannot be loaded \(No native build was found for platform=.*\)$/);
  const part = `@lmdb/lmdb-${process.platform}-${process.arch}`;
  expect(found?.remedy).toBe(`npm install --prefix ${folder} ${part}@${version}`);
  for (const command of [['serve'], ['mailbox', 'add', 'fred@example.org']]) {
    const ended = await run(process.execPath, [main, ...command, '--config', join(folder, 'smmap.toml')]);
    expect(ended).toMatchObject({ code: 78, stderr: `smmap: ${found?.reason}: ${found?.remedy}\n` });
  }
  rmSync(join(folder, 'node_modules/lmdb'), { recursive: true });
  expect((await doctorOf(main, EMBEDDED)).found).toMatchObject({
    reason: 'the package lmdb is not installed',
    remedy: `npm install --prefix ${folder} lmdb`,
  });
});

test.skipIf(isBuiltin('node:sqlite'))('finds that better-sqlite3 has no compiled part', async () => {
  const main = await copyProgram(/^$/, /^better-sqlite3$/);
  const folder = dirname(dirname(main));
  rmSync(join(folder, 'node_modules/better-sqlite3/build'), { recursive: true });
  const { code, found } = await doctorOf(main, 'driver = "sqlite"\nschema = "users"');
  expect([code, found]).toMatchObject([
    78,
    {
      reason: expect.stringMatching(
        /^the package better-sqlite3 does not work \(Could not locate the bindings/,
      ) as string,
      remedy:
        `npm rebuild --prefix ${folder} better-sqlite3 (npm 12 and newer: npm install-scripts approve better-sqlite3 first), ` +
        'or run Node 22.13 or newer, which includes SQLite',
    },
  ]);
});

test('finds a daemon that runs with another Node than the commands', async () => {
  const folder = await makeFolder();
  const other = join(folder, 'node');
  copyFileSync(process.execPath, other);
  const daemon = await serve({ folder, under: ['sh', '-c', 'shift; exec "$0" "$@"', other] });
  writeFileSync(join(folder, 'worker'), `${daemon.pid} 1\n`); // as smmap-keeper has it
  const config = join(folder, 'smmap.toml');
  writeFileSync(
    config,
    `[listen.mta]\npath = "${daemon.socket}"\n[store.local]\n${EMBEDDED}\npath = "${folder}/store"\n`,
  );
  const { stdout } = await cli(['doctor', '--config', config, '--json']);
  const found = stdout.split('\n').filter((line) => line.includes('runs with'));
  expect(found.map((line) => JSON.parse(line) as Found)).toMatchObject([
    {
      where: 'daemon',
      reason: `process ${daemon.pid} runs with ${other}, and commands run with ${process.execPath}`,
      commands: ['systemctl restart smmap'],
    },
  ]);
});
