// What docs/install.md, docs/maps.md, docs/operations.md and docs/stores/embedded.md print is typed as it stands there, on a stock Debian.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openPage } from '../support/page.ts';
import { type Debian, findDebian } from './debian.ts';
import { PARTS, describePart } from './part.ts';

const install = openPage('docs/install.md');
const maps = openPage('docs/maps.md');
const operations = openPage('docs/operations.md');
const asService = install.take('As a service');
const [configuration, configured] = [install.take('Configuration', 0, 'toml'), install.take('Configuration')];
const upgrade = install.take('Upgrade');
const [someMaps, askMaps] = [maps.take('Set up your maps', 0, 'toml'), maps.take('Set up your maps')];
const explained = operations.take('Why?');
const revealed = operations.take('Addresses in the log');
const [stores, forget] = [operations.take('The control socket'), operations.take('The control socket', 1)];
const [backedUp, mend] = [operations.take('The embedded store'), operations.take('The embedded store', 1)];
const embedded = openPage('docs/stores/embedded.md');
const fill = embedded.take('Fill it');
const before = openPage('docs/mta.md').take('Before you begin');

describePart('on a stock Debian', await findDebian(PARTS, []), ({ start }) => {
  let debian: Debian;
  const done = (lines: string): Promise<string> => debian.done(lines);
  const configure = (toml: string): Promise<string> => done(`cat > /etc/smmap/smmap.toml <<'END'\n${toml}END\n`);
  const worker = (): Promise<string> => done('cat /run/test-smmap');

  beforeAll(async () => {
    debian = await start();
    await done(asService);
    await done('smmap mailbox add fred@example.org; smmap alias add info@example.org fred@example.org');
  });
  afterAll(() => debian?.stop());

  describe('docs/install.md', () => {
    test('gives the socket to the group postfix', async () => {
      await configure(configuration);
      expect(await done(configured)).toContain('default_domain = "example.org"');
      expect(await done('stat -c "%a %G" /run/smmap/smmap.sock; smmap probe fred')).toBe(
        '660 postfix\nfred\tOK fred\n',
      );
    });

    test('after the upgrade, a new daemon answers', async () => {
      const old = await worker();
      await done(upgrade);
      expect(await worker()).not.toBe(old);
      await done('smmap probe fred');
    });
  });

  test('docs/maps.md', async () => {
    await configure(`[listen.mta]\npath = "/run/smmap/smmap.sock"\n${someMaps}`);
    await done('systemctl reload smmap');
    expect(await done(askMaps)).toMatch(/^postconf -e [^]*\ninfo@example\.org\tOK fred@example\.org\n$/m);
  });

  describe('docs/operations.md', () => {
    test('why: the printed explanation', async () => {
      await configure(`# smmap\n\n${before.replace(', "mail.example.org"', '')}`);
      await done('systemctl reload smmap');
      const lines = explained.split('\n');
      const { stdout } = await debian.type((lines[0] as string).slice(2));
      const withoutTimes = (text: string): string => text.replaceAll(/\d+\.\d ms/g, 'N ms');
      expect(withoutTimes(stdout)).toBe(withoutTimes(lines.slice(1).join('\n')));
    });

    test('addresses in the log: a hash is revealed', async () => {
      const [read = '', reveal = ''] = revealed.trimEnd().split('\n');
      await configure(`${before}[log]\nkeys = "hash"\n`);
      await done('systemctl reload smmap; smmap probe joe@example.org fred@example.org || true');
      await done('smmap mailbox add --state disabled fred@example.org; smmap probe fred@example.org || true');
      expect(await done(read)).toContain('"key":"fred@example.org"');
      const hash = /"key":"(hash:[\w-]+)"/.exec(await done('tail -n 1 /var/log/smmap'))?.[1] as string;
      expect(reveal).toContain('hash:q1ZtUx...');
      expect(await done(reveal.replace('hash:q1ZtUx...', hash))).toBe('fred@example.org\n');
      await done('smmap mailbox add --state active fred@example.org');
    });

    test('the control socket', async () => {
      const [typed = '', columns = ''] = stores.split('\n');
      const cached =
        '[store.people]\ndriver = "http"\nmailbox = "http://127.0.0.1:9/:address"\ncanary = { mailbox = "a@b.example" }\ncache = {}\n';
      await configure(`listen.mta.path = "/run/smmap/smmap.sock"\n${cached}`);
      await done('systemctl reload smmap');
      const printed = await done(typed.replace('$ ', ''));
      expect((printed.split('\n')[0] as string).split(/ {2,}/)).toEqual(columns.split(/ {2,}/));
      expect(await done(forget)).toBe('fred@example.org\tOK {"forgotten":0}\n');
    });

    test('a backup is verified and restored, also in the place of a damaged store', async () => {
      await configure(before);
      await done('systemctl reload smmap');
      const [backUp = '', restore = ''] = backedUp.split('\n\n');
      const listed = await done('smmap mailbox list; smmap alias list');
      expect(listed).toContain('fred@example.org');
      await done(`${backUp}\nsmmap mailbox remove fred@example.org; smmap table add other key value`);
      await done(restore);
      expect(await done('smmap mailbox list; smmap alias list; smmap table list other || true')).toBe(listed);
      await done(`echo damaged > /var/lib/smmap/smmap.mdb\n${mend}`);
      expect(await done('smmap mailbox list; smmap alias list; smmap table list other || true')).toBe(listed);
      await done('smmap probe fred@example.org');
    });
  });

  test('docs/stores/embedded.md', async () => {
    await done(`mkdir -p /etc/mail /var/mail/db
echo wilma@example.org > list.txt
echo 'sales@example.org fred@example.org' > /etc/mail/virtusertable
echo 'to:old@example.org REJECT' > /etc/mail/access`);
    expect(await done(`mv /var/lib/smmap/smmap.mdb /root/before.mdb\n${fill}`)).toMatch(
      /^joe@example\.org\n[^]*^wilma@example\.org$/m,
    );
    expect(await done('cat /var/mail/db/fqdnaliases')).toContain('sales@example.org');
    expect(await done('smmap store verify FILE; smmap mailbox list; smmap table list access')).not.toContain('joe@');
    await done('smmap mailbox show alice@example.org; smmap table show access to:old@example.org');
  });
});

test.each([
  ['docs/install.md', install],
  ['docs/maps.md', maps],
  ['docs/operations.md', operations],
  ['docs/stores/embedded.md', embedded],
])('every block of %s is typed', (_, page) => expect(page.rest()).toEqual([]));
