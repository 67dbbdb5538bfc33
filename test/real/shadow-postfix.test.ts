import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openPage } from '../support/page.ts';
import type { Result } from './command.ts';
import { cli, serve } from './daemon.ts';
import { findPostfixServer } from './mta-postfix.ts';
import { makeTrustedFolder } from './mta.ts';
import { PARTS, describePart } from './part.ts';
import { openSmtp } from './smtp.ts';

const page = openPage('docs/shadow.md');
const SECTION = 'Look on beside the check of Postfix';
const map = page.take(SECTION, 0, 'toml');
const mainCf = page.take(SECTION, 0, 'ini');
const [begin, look] = [page.take(SECTION), page.take(SECTION, 1)];
const report = page.take('The report');

test('every block of docs/shadow.md is typed here', () => expect(page.rest()).toEqual([]));

const FRED = 'fred@example.org';
const NOBODY = 'nosuchuser@example.org';

describePart('the real Postfix', await findPostfixServer(PARTS), (postfix) => {
  test('accepts everybody while its maps are in shadow, and refuses as soon as they are not', async () => {
    const folder = await makeTrustedFolder();
    const [socket, file] = [join(folder, 's'), join(folder, 'smmap.toml')];
    const env = { STATE_DIRECTORY: join(folder, 'state'), SMMAP_CONFIG: file };
    /** Types a block, as it stands in the page. */
    const type = async (block: string): Promise<readonly Result[]> => {
      const results: Result[] = [];
      for (const line of block.trim().split('\n')) {
        const [program, ...args] = line.split(/ +/);
        expect(program).toBe('smmap');
        results.push(await cli(args, '', { env }));
      }
      return results;
    };
    const configOf = (mailbox: string, trial: string): string => `
[listen.mta]
path = "${socket}"
[store.fixed]
driver = "memory"
mailboxes = ["${FRED}"]
[map.mailbox]
${mailbox}
${trial}`;
    const daemon = await serve({
      folder,
      config: configOf('shadow = "accept"', ''),
      under: ['env', `STATE_DIRECTORY=${env.STATE_DIRECTORY}`],
    });
    await writeFile(file, configOf('shadow = "accept"', map));
    const [checked, reloaded, probed] = await type(begin);
    expect(checked).toMatchObject({ code: 0, stderr: expect.stringContaining('map.trial.shadow: is "accept"') });
    expect(reloaded?.code).toBe(0);
    expect(probed).toMatchObject({ code: 0, stdout: `${FRED}\tOK DUNNO\n${NOBODY}\tOK DUNNO\n` });

    await mkdir(join(folder, 'written'));
    const own = `relay_domains = example.org\nrelay_recipient_maps = socketmap:unix:${socket}:mailbox\n`;
    const restrictions = mainCf.replace('/run/smmap/smmap.sock', socket);
    await writeFile(join(folder, 'written/main.cf'), own + restrictions);
    const setting = { folder, written: join(folder, 'written'), domain: 'example.org', virtual: [], aliasDomains: [] };
    const mta = await postfix.start(setting);
    onTestFinished(() => mta.stop());
    const ask = async (): Promise<number[]> => {
      const smtp = await openSmtp(mta.port);
      const replies = await smtp.recipients([FRED, 'joe@example.org']);
      smtp.close();
      return replies.map(({ code }) => code);
    };
    expect(await ask()).toEqual([250, 250]);
    await daemon.logged('would_refuse', (line) => line['map'] === 'mailbox' && line['key'] === 'joe@example.org');
    await daemon.logged('would_refuse', (line) => line['map'] === 'trial' && line['key'] === 'joe@example.org');
    const seen = await vi.waitFor(
      async () => {
        const [result] = await type(look); // records are written every two seconds
        expect(result).toMatchObject({
          code: 1,
          stdout: expect.stringMatching(/^probe +joe@example\.org +NOTFOUND +OK/m),
        });
        return result;
      },
      { timeout: 20_000, interval: 500 },
    );
    expect(seen?.stdout).not.toContain(FRED);
    const [json] = await type(report);
    expect(json?.stdout).toContain('"key":"joe@example.org"');
    expect(await readFile(join(env.STATE_DIRECTORY, 'shadow.jsonl'), 'utf8')).not.toContain(FRED);

    await writeFile(file, configOf('', map));
    expect((await cli(['reload'], '', { env })).code).toBe(0);
    expect(await ask()).toEqual([250, 550]);
  });
});
