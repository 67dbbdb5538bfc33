// What README.md says is typed here as it stands there.

import { readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test, vi } from 'vitest';
import { run } from './command.ts';
import { type Daemon, MAIN, fill, makeFolder, serve, startDaemon } from './daemon.ts';
import { findDebianPostfix } from './mta-postfix.ts';
import { type Mta, makeTrustedFolder } from './mta.ts';
import { PARTS, describePart } from './part.ts';
import { openSmtp } from './smtp.ts';

const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

/** The first indented block of a section. */
function blockOf(title: string): string {
  const section = README.slice(README.indexOf(`\n## ${title}\n`));
  return (/\n((?: {4}.*\n)+)/.exec(section)?.[1] ?? '').replaceAll(/^ {4}/gm, '');
}

test('the first mailbox', async () => {
  const daemon = await serve();
  const programs = await makeFolder();
  await writeFile(join(programs, 'npx'), `#!/bin/sh\nshift\nexec ${process.execPath} ${MAIN} "$@"\n`, { mode: 0o755 });
  const lines = blockOf('The first mailbox').trimEnd().split('\n');
  const typed = lines.filter((line) => line.startsWith('$ ')).map((line) => line.slice(2));
  const printed = lines.filter((line) => !line.startsWith('$ ')).map((line) => line.replace(/ {2,}/, '\t'));
  expect([typed.length, printed.length]).toEqual([2, 4]);
  const { code, stdout } = await run('sh', ['-c', typed.join(' && ')], {
    env: {
      PATH: `${programs}:${process.env['PATH']}`,
      RUNTIME_DIRECTORY: daemon.folder,
      STATE_DIRECTORY: join(daemon.folder, 'store'),
    },
  });
  expect(
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.trimEnd()),
  ).toEqual(printed);
  expect(code).toBe(1); // one of the three is NOTFOUND
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
      { timeout: 10_000, interval: 100 },
    );

  test('does not see the socket without proxy:', async () => {
    const { code, stderr } = await postfix.type(blockOf('Postfix').replace('proxy:', ''));
    expect(code, stderr).toBe(0);
    await says('451 4.3.0', '451 4.3.0');
    await vi.waitFor(() => expect(postfix.log()).toMatch(/smmap\.sock.*No such file or directory/), 10_000);
  });

  test('asks smmap as the five lines of README.md say', async () => {
    const lines = blockOf('Postfix');
    expect(lines.trimEnd().split('\n').length).toBe(5);
    const { code, stdout, stderr } = await postfix.type(lines);
    expect([code, stdout], stderr).toEqual([0, 'fred@example.org\n']);
    await says('250 2.1.5', '550 5.1.1');
    await daemon.kill();
    await says('451 4.3.0', '451 4.3.0');
  });
});
