import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { cli, makeFolder } from './daemon.ts';

const POSTGRESQL = `
  [store.people]
  driver = "postgresql"
  url = "postgresql://smmap@127.0.0.1:1/mail"
  password_file = "FOLDER/password"
  schema = "users"
  canary = { mailbox = "fred@example.org" }
`;

/** What `smmap check` says of a configuration, with FOLDER for a folder that `prepare` has filled. */
async function checked(config: string, prepare: (folder: string) => void, args: readonly string[] = []) {
  const folder = await makeFolder();
  prepare(folder);
  writeFileSync(join(folder, 'smmap.toml'), config.replaceAll('FOLDER', folder));
  const { code, stdout, stderr } = await cli(['check', '--config', join(folder, 'smmap.toml'), ...args]);
  return { code, said: stderr.replaceAll(folder, 'FOLDER').replaceAll('smmap: FOLDER/smmap.toml: ', ''), stdout };
}

const password =
  (text: string, mode = 0o600) =>
  (folder: string): void => {
    writeFileSync(join(folder, 'password'), text);
    chmodSync(join(folder, 'password'), mode);
  };
const nothing = (): void => {};

describe('smmap check looks at the file of a password', () => {
  test('and finds that it is missing, empty, or a folder', async () => {
    const gone = await checked(POSTGRESQL, nothing);
    expect(gone.code).toBe(78);
    expect(gone.said).toMatch(/^store\.people\.password_file: FOLDER\/password does not exist; write the password/);
    expect(gone.said).toMatch(/^ {4}install -o root -g \w+ -m 0640 \/dev\/null FOLDER\/password$/m);
    const empty = await checked(POSTGRESQL, password('\n'));
    expect([empty.code, empty.said]).toEqual([
      78,
      'store.people.password_file: FOLDER/password is empty; write the password or token into it:\n    cat > FOLDER/password\n',
    ]);
    const folder = await checked(POSTGRESQL, (at) => mkdirSync(join(at, 'password')));
    expect([folder.code, folder.said]).toEqual([
      78,
      'store.people.password_file: FOLDER/password is not a regular file; name a file\n',
    ]);
  });

  test('and warns if everybody may read it', async () => {
    const { code, said } = await checked(POSTGRESQL, password('secret\n', 0o644));
    expect(code).toBe(0);
    expect(said).toMatch(/^store\.people\.password_file: every user of this machine may read FOLDER\/password; /);
    expect(await checked(POSTGRESQL, password('secret\n'))).toMatchObject({ code: 0, said: '' });
  });
});

test('smmap check finds a missing folder of a socket, and two listeners in one place', async () => {
  const listen = (name: string, place: string): string => `[listen.${name}]\n${place}\n`;
  const paths = listen('one', 'path = "FOLDER/gone/s"') + listen('two', 'path = "FOLDER/gone/../gone/s"');
  const { code, said } = await checked(paths, nothing);
  expect(code).toBe(78);
  expect(said).toContain('listen.two: listens on unix:FOLDER/gone/s, and so does one; remove one of them\n');
  expect(said).toContain('listen.one.path: FOLDER/gone does not exist; make it:\n');
  const ports = listen('one', 'tcp = "127.0.0.1:2004"') + listen('two', 'tcp = "127.0.0.1:2004"');
  expect((await checked(ports, nothing)).said).toBe(
    'listen.two: listens on tcp:127.0.0.1:2004, and so does one; remove one of them\n',
  );
  const control = `${listen('one', 'path = "FOLDER/s"')}[control]\npath = "FOLDER/s"\n`;
  expect((await checked(control, nothing)).said).toContain('control: listens on unix:FOLDER/s, and so does one');
});

test('smmap check warns of a deadline that is too long for the clients of OpenSMTPD', async () => {
  const lines = (ms: number): string =>
    `[limits]\ndeadline_ms = ${ms}\n[listen.mta]\npath = "FOLDER/s"\nprotocol = "line"\n`;
  const long = await checked(lines(200_000), nothing);
  expect(long.code).toBe(0);
  expect(long.said).toMatch(
    /^limits\.deadline_ms: is 200000, but OpenSMTPD asks several times .*; give 51955 or less\n$/,
  );
  expect((await checked(lines(51_955), nothing)).said).toBe('');
});

test('smmap check --json prints one object for each finding, and a summary', async () => {
  const linesOf = ({ stdout }: { stdout: string }): unknown[] =>
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
  expect(linesOf(await checked(POSTGRESQL, password(''), ['--json']))).toEqual([
    {
      severity: 'error',
      where: 'store.people.password_file',
      reason: expect.stringMatching(/\/password is empty$/) as string,
      remedy: 'write the password or token into it',
      commands: [expect.stringMatching(/^cat > /) as string],
      exitCode: 78,
    },
    expect.objectContaining({ summary: true, errors: 1, warnings: 0, exitCode: 78 }),
  ]);
  const bad = await checked('[limits]\nidle = 1\n', nothing, ['--json']);
  expect(bad.code).toBe(78);
  expect(linesOf(bad)[0]).toMatchObject({ severity: 'error', where: 'limits.idle', reason: 'is not known' });
  const clean = await checked('', nothing, ['--json']);
  expect(linesOf(clean)).toEqual([expect.objectContaining({ summary: true, errors: 0, exitCode: 0 })]);
});
