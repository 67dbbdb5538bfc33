import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { askOnce } from './client.ts';
import { type Daemon, fill, makeFolder, serve } from './daemon.ts';
import { kindsConfig } from './kinds.ts';
import { PARTS, describePart } from './part.ts';
import { findSendmail } from './sendmail.ts';

const MAILBOXES = [
  'fred@example.org',
  'wilma@other.example',
  'lists@example.org folder=abc folder=Abc/Deep folder="two words"',
  'full@example.org state=overquota',
  'gone@example.org state=disabled',
  '"quo ted"@example.org',
];

describePart('the real sendmail', await findSendmail(PARTS), (sendmail) => {
  test.for([
    ['finds a bare user in the default domain', 'fred', 0, 'fred<OK>'],
    ['finds a bare user with a detail', 'fred+lists', 0, 'fred+lists<OK>'],
    ['finds user@domain', 'wilma@other.example', 0, 'wilma@other.example<OK>'],
    ['finds user@localhost, a name of the default domain', 'fred@localhost', 0, 'fred@localhost<OK>'],
    ['finds a user whose quotes it has taken away', 'quo ted', 0, 'quo ted<OK>'],
    ['does not find a user of another domain in the default one', 'wilma', 68],
    ['does not find an unknown user', 'nobody', 68],
    ['does not find an unknown user@domain', 'fred@other.example', 68],
    ['does not find a disabled mailbox', 'gone', 68],
    ['is told to come back for a mailbox over quota', 'full', 75],
  ] as const)('%s', async ([, key, code, value]) => {
    const daemon = await serveFilled();
    expect(await sendmail.maps(daemon.socket, 'cyrus', [key])).toMatchObject([{ code, ...(value && { value }) }]);
  });

  test.for([
    ['folder', 'a folder that is there', 'lists+abc', 0],
    ['folder', 'a folder that is not there', 'lists+other', 68],
    ['folder', 'a user without any folder', 'fred+other', 68],
    ['folder', 'an empty detail', 'lists+', 0],
    ['folder', 'a detail of an unknown user', 'nobody+abc', 68],
    ['folder-or-inbox', 'a folder that is not there', 'lists+other', 0],
    ['folder-or-inbox', 'a detail of an unknown user', 'nobody+other', 68],
    ['ignore', 'a folder that is not there', 'lists+other', 0],
  ] as const)('with the policy %s, %s: %s is %i', async ([policy, , key, code]) => {
    const daemon = await serveFilled(`detail.policy = "${policy}"`);
    const [answer] = await sendmail.maps(daemon.socket, 'cyrus', [key]);
    expect(answer).toMatchObject({ code, ...(code === 0 && { value: `${key}<OK>` }) });
  });

  test('finds a folder only in its own case with -f, which keeps the case', async () => {
    const daemon = await serveFilled('detail.policy = "folder"');
    const answers = await sendmail.maps(
      daemon.socket,
      'cyrus',
      ['lists+Abc/Deep', 'lists+abc/deep', 'lists+two words'],
      '-f -T<TMPF>',
    );
    expect(answers.map(({ code }) => code)).toEqual([0, 68, 0]);
  });

  test('gets a temporary failure for a map that the daemon does not have', async () => {
    const daemon = await serveFilled();
    expect(await sendmail.maps(daemon.socket, 'virtuser', ['fred'])).toMatchObject([{ code: 75 }]);
  });

  test.for([
    ['virtual', 'an alias', 'info@example.org', 0, 'fred@example.org, fred@example.com'],
    ['virtual', 'an alias with a detail', 'user2+abc@example.org', 0, 'user1+abc@example.org'],
    ['virtual', 'an alias with a bare target', 'local@example.org', 0, 'user1'],
    ['virtual', 'a catch-all', 'anybody@caught.example', 0, 'fred@example.org'],
    ['virtual', 'a mailbox, which no catch-all takes', 'pat@caught.example', 68],
    ['virtual', 'a wildcard, which is asked for that mailbox too', '+*@caught.example', 68],
    ['virtual', 'the whole domain, likewise', '@caught.example', 68],
    ['any', 'the whole domain, whose catch-all takes any', '@caught.example', 0, 'fred@example.org'],
    ['virtual', 'a loop', 'x@loop.example', 75],
    ['domains', 'a domain', 'example.org', 0, 'example.org'],
    ['domains', 'a domain that is not hosted', 'example.net', 68],
    ['virtuser', 'an address in a virtusertable', 'joe@virt.example', 0, 'user1'],
    ['virtuser', 'an address that is not in it', 'nobody@virt.example', 68],
    ['virtuser', 'a wildcard, in which Sendmail puts its arguments', '+*@virt.example', 0, '+@example.org'],
    ['virtuser', 'an error for a whole domain', '@virt.example', 0, 'error:5.1.1:550 No such user here'],
    ['access', 'a tagged address', 'to:user@example.org', 0, 'ERROR:4.7.1:451 later'],
    ['access', 'a tagged part of an address', 'from:bad@', 0, 'DISCARD'],
    ['access', 'a tagged network', 'connect:192.0.2', 0, 'RELAY'],
    ['access', 'a domain', 'spam.example', 0, 'REJECT'],
    ['access', 'a tag that nobody uses', 'srv_features:', 68],
    ['lost', 'a map that is not there', 'fred', 75],
  ] as const)('asks the map %s for %s', async ([map, , key, code, value]) => {
    const folder = await makeFolder();
    const daemon = await serve({ folder, config: kindsConfig(folder) });
    const [answer] = await sendmail.maps(daemon.socket, map, [key], '-T<TMPF>');
    expect(answer).toMatchObject({ code, ...(value !== undefined && { value }) });
  });

  test('gets a temporary failure while the folder of the store is moved away', async () => {
    const daemon = await serveFilled();
    const ask = async (): Promise<number[]> =>
      (await sendmail.maps(daemon.socket, 'cyrus', ['fred', 'nobody'])).map(({ code }) => code);
    expect(await ask()).toEqual([0, 68]);
    await rename(join(daemon.folder, 'store'), join(daemon.folder, 'away'));
    await vi.waitUntil(async () => (await askOnce(daemon.socket, 'cyrus', 'nobody')).startsWith('TEMP'), 20_000);
    expect(await ask()).toEqual([75, 75]);
    await rename(join(daemon.folder, 'away'), join(daemon.folder, 'store'));
    await vi.waitUntil(async () => (await askOnce(daemon.socket, 'cyrus', 'fred')).startsWith('OK'), 20_000);
    expect(await ask()).toEqual([0, 68]);
  });

  test('gets a temporary failure if no daemon runs', async () => {
    const daemon = await serveFilled();
    await daemon.stop();
    expect(await sendmail.maps(daemon.socket, 'cyrus', ['fred'])).toMatchObject([{ code: 75 }]);
  });

  test('gets many replies over one connection in the order of the keys', async () => {
    const daemon = await serveFilled();
    const keys = Array.from({ length: 200 }, (_, at) => (at % 2 === 0 ? 'fred' : `nobody${at}`));
    const answers = await sendmail.maps(daemon.socket, 'cyrus', keys);
    expect(answers.map(({ code }) => code)).toEqual(keys.map((key) => (key === 'fred' ? 0 : 68)));
  });
});

async function serveFilled(options = ''): Promise<Daemon> {
  const folder = await makeFolder();
  const store = join(folder, 'store');
  await fill(store, MAILBOXES);
  return serve({
    folder,
    config: `
      [listen.mta]
      path = "${join(folder, 'smmap.sock')}"
      [store.local]
      driver = "embedded"
      path = "${store}"
      [map.cyrus]
      default_domain = "example.org"
      local_domains = ["localhost"]
      ${options}`,
  });
}
