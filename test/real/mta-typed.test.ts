// What docs/mta.md prints is typed as it stands there, on a stock Debian that has nothing else.

import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { parseConfig } from '../support/config.ts';
import { openPage } from '../support/page.ts';
import { repliesOf } from '../support/swaks.ts';
import { type Debian, findDebian } from './debian.ts';
import { PARTS, describePart } from './part.ts';

const page = openPage('docs/mta.md');
const install = openPage('docs/install.md').take('As a service');
const before = [page.take('Before you begin'), page.take('Before you begin', 1)] as const;
const anyServer = page.take('Mail servers');
const lineConfig = page.take('OpenSMTPD before 7.6');
const maps = [page.take('OpenSMTPD before 7.6', 3), page.take('Sendmail with procmail')];
const FIFTEEN = Array.from({ length: 15 }, (_, at) => `m${at}@example.org`);

interface Server {
  readonly title: string;
  readonly folders: readonly string[];
  readonly blocks: readonly [setUp: string, ask: string];
  /** What was done on that machine before, and what is to be so at the end. */
  readonly first?: string;
  readonly last?: string;
  readonly config?: string;
}

const exim = [page.take('Exim'), page.take('Exim', 1)] as const;
const SERVERS: readonly Server[] = [
  { title: 'Postfix', folders: ['postfix'], blocks: [page.take('Postfix'), page.take('Postfix', 1)] },
  {
    title: 'Sendmail',
    folders: ['sendmail', 'sendmail-config', 'm4'],
    blocks: [page.take('Sendmail'), page.take('Sendmail', 1)],
  },
  { title: 'Exim, its configuration in one file', folders: ['exim', 'exim-config'], blocks: exim },
  {
    title: 'Exim, its configuration in many files',
    folders: ['exim', 'exim-config'],
    blocks: exim,
    first: `apt install exim4-daemon-heavy
sed -i "s/^dc_use_split_config=.*/dc_use_split_config='true'/" /etc/exim4/update-exim4.conf.conf`,
    last: `grep -qx "dc_use_split_config='true'" /etc/exim4/update-exim4.conf.conf`,
  },
  {
    title: 'OpenSMTPD before 7.6',
    folders: ['opensmtpd'],
    first: 'apt install opensmtpd opensmtpd-extras',
    config: lineConfig,
    blocks: [page.take('OpenSMTPD before 7.6', 1), page.take('OpenSMTPD before 7.6', 2)],
  },
];

for (const { title, folders, blocks, first = '', last = '', config } of SERVERS) {
  describePart(
    `docs/mta.md on a stock Debian: ${title}`,
    await findDebian(PARTS, [...folders, 'swaks']),
    ({ start }) => {
      let debian: Debian;
      const done = (lines: string): Promise<string> => debian.done(lines);
      const configure = (toml: string): Promise<string> => done(`cat > /etc/smmap/smmap.toml <<'END'\n${toml}END\n`);

      beforeAll(async () => {
        debian = await start();
        await done(install);
        await configure(before[0]);
        expect(await debian.type(before[1])).toMatchObject({
          code: 1,
          stdout: expect.stringContaining('fred@example.org\tOK fred@example.org\nnobody@example.org\tNOTFOUND\n'),
        });
        await done(anyServer);
        await done(`smmap mailbox add ${FIFTEEN.join(' ')}\n${first}`);
        if (config !== undefined) await configure(config);
        await done(`${blocks[0]}\n${last}`);
        await vi.waitFor(() => done('swaks --server localhost --quit-after BANNER'), {
          timeout: 20_000,
          interval: 200,
        });
      });
      afterAll(() => debian?.stop());

      test.each(
        blocks[1]
          .trimEnd()
          .split('\n')
          .map((line) => line.split(/ +# /) as [string, string?]),
      )('%s: %s', async (line, expected = '') => {
        const { code, stdout, stderr } = await debian.type(line);
        const said = line.startsWith('swaks') ? repliesOf(stdout).join('\n') : stdout;
        expect(said, `${code} ${stdout}${stderr}`).toContain(expected);
        if (expected === '') expect([code, stdout], stderr).toEqual([0, 'fred@example.org\n']);
      });

      test('refuses nobody of 15 recipients in one mail while smmap is down', async () => {
        const ask = async (): Promise<string[]> => {
          const { stdout } = await debian.type(
            `swaks --server localhost --quit-after RCPT --from '<>' --to ${FIFTEEN.join()}`,
          );
          return repliesOf(stdout);
        };
        const codes = async () => (await ask()).map((reply) => reply.slice(0, 3));
        expect(await codes()).toEqual(Array(15).fill('250'));
        await done('systemctl stop smmap');
        expect(await ask()).toEqual(Array(15).fill(expect.stringMatching(/^4/)));
        await done('systemctl start smmap');
      });
    },
  );
}

test('the other maps of docs/mta.md are accepted', () => {
  for (const map of maps) {
    expect(() =>
      parseConfig(map, 'docs/mta.md', { socket: '/run/smmap/smmap.sock', store: '/var/lib/smmap' }),
    ).not.toThrow();
  }
});

test('every block of docs/mta.md is typed', () => {
  for (const each of [0, 1]) page.take('OpenSMTPD', each); // by test/real/deb.test.ts, on Debian 13
  expect(page.rest()).toEqual([]);
});
