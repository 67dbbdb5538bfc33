// What README.md says is typed here as it stands there.

import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test, vi } from 'vitest';
import { openPage } from '../support/page.ts';
import { type Result, run } from './command.ts';
import { type Daemon, MAIN, fill, makeFolder, serve, startDaemon } from './daemon.ts';
import { findDebianPostfix } from './mta-postfix.ts';
import { type Mta, makeTrustedFolder } from './mta.ts';
import { PARTS, describePart } from './part.ts';
import { openSmtp } from './smtp.ts';

const page = openPage('README.md');
const firstMailbox = page.take('The first mailbox');
const [fiveLines, print] = [page.take('Postfix'), page.take('Postfix', 1)];

/** The blocks that no test types, and why. */
const NOT_TYPED = {
  'npm ci && npm start': 'npm ci removes the modules with which the tests run, and asks the registry',
  'npm ci && npm test': 'it runs this test; .ci/run types it',
};

test('every block is typed, or known', () => expect(page.rest()).toEqual(Object.keys(NOT_TYPED)));

/** Types lines where `npx smmap` is the built one. */
async function type(lines: string, env: Readonly<Record<string, string>>): Promise<Result> {
  const programs = await makeFolder();
  await writeFile(join(programs, 'npx'), `#!/bin/sh\nshift\nexec ${process.execPath} ${MAIN} "$@"\n`, { mode: 0o755 });
  return run('sh', ['-c', lines], { env: { PATH: `${programs}:${process.env['PATH']}`, ...env } });
}

test('the commands of "The first mailbox" print what README.md shows', async () => {
  const daemon = await serve({ makesStore: false });
  const lines = firstMailbox.trimEnd().split('\n');
  const typed = lines.filter((line) => line.startsWith('$ ')).map((line) => line.slice(2));
  const printed = lines.filter((line) => !line.startsWith('$ ')).map((line) => line.replace(/ {2,}/, '\t'));
  expect([typed.length, printed.length]).toEqual([3, 4]);
  const { code, stdout } = await type(typed.join(' && '), {
    RUNTIME_DIRECTORY: daemon.folder,
    STATE_DIRECTORY: join(daemon.folder, 'store'),
  });
  expect(
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.trimEnd()),
  ).toEqual(printed);
  expect(code).toBe(1); // one of the three is NOTFOUND
});

test('the lines for a mail server are printed', async () => {
  const { code, stdout } = await type(print, { SMMAP_CONFIG: '/dev/null' });
  expect([code, stdout]).toEqual([
    0,
    expect.stringMatching(/^postconf -e .virtual_mailbox_maps = .*proxy:socketmap:unix:\S+:mailbox.$/m),
  ]);
});

describePart("Debian's Postfix, with smtpd in a chroot", await findDebianPostfix(PARTS), ({ start }) => {
  let daemon: Daemon;
  let postfix: Mta;

  beforeAll(async () => {
    const folder = await makeTrustedFolder();
    const sockets = join(folder, 'sockets');
    await mkdir(sockets, { mode: 0o755 });
    await fill(join(folder, 'store'), ['fred@example.org']);
    daemon = await startDaemon({
      folder,
      config: `
        listen.mta.path = "${join(sockets, 'smmap.sock')}"
        store.local = { driver = "embedded", path = "${join(folder, 'store')}" }`,
    });
    postfix = await start(folder, sockets);
    return async () => {
      await postfix.stop();
      await daemon.end();
      await rm(folder, { recursive: true, force: true });
    };
  });

  /** Until Postfix says so: after a reload, an old smtpd may have the next client. */
  const says = (...expected: readonly string[]): Promise<void> =>
    vi.waitFor(
      async () => {
        const smtp = await openSmtp(postfix.port);
        const replies = await smtp.recipients(['fred@example.org', 'nobody@example.org']);
        smtp.close();
        expect(replies.map(({ code, status }) => `${code} ${status}`)).toEqual(expected);
      },
      { timeout: 20_000, interval: 100 },
    );

  test('does not see the socket without proxy:', async () => {
    const { code, stderr } = await postfix.type(fiveLines.replace('proxy:', ''));
    expect(code, stderr).toBe(0);
    await says('451 4.3.0', '451 4.3.0');
    await vi.waitFor(() => expect(postfix.log()).toMatch(/smmap\.sock.*No such file or directory/), 10_000);
  });

  test('asks smmap as the five lines of README.md say', async () => {
    expect(fiveLines.trimEnd().split('\n').length).toBe(5);
    const { code, stdout, stderr } = await postfix.type(fiveLines);
    expect([code, stdout], stderr).toEqual([0, 'fred@example.org\n']);
    await says('250 2.1.5', '550 5.1.1');
    await daemon.kill();
    await says('451 4.3.0', '451 4.3.0');
  });
});
