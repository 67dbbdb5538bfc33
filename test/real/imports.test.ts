// Lists as people have them, read by the built command.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { cli, MAIN, serve } from './daemon.ts';
import { openStore } from './embedded.ts';

/** Files as people have them, what is said of each, and what is exported then. */
const FOUND = [
  {
    title: 'aliases of Sendmail that go on behind a backslash',
    args: ['alias', 'import', '--format', 'aliases', '--default-domain', 'x.test'],
    file: 'postmaster: root\nstaff: fred,\\\n\twilma,\\\n\tbarney\ncrew: fred,\\\nwilma\nroot: \\root, fred\n',
    said: '4 imported: 4 added, 0 changed, 0 unchanged',
    exported: 'crew@x.test fred, wilma|postmaster@x.test root|root@x.test root, fred|staff@x.test fred, wilma, barney',
  },
  {
    title: 'a virtual alias file with a backslash, which Postfix takes for a part of the address',
    args: ['alias', 'import'],
    file: 'staff@x.test fred,\\\n wilma\n',
    said: 'list:1: staff@x.test: a target is not an address, and only possible in aliases(5)|0 imported: 0 added, 0 changed, 0 unchanged, 1 bad',
    exported: '',
  },
  {
    title: 'aliases with comments in Latin-1',
    args: ['alias', 'import', '--format', 'aliases', '--default-domain', 'x.test', '--strict'],
    file: 'root: fred\n# B\xfcro M\xfcnchen\nbuero: wilma\nsales: fred,\n   # Verk\xe4ufer\n   wilma\nx: J\xf6rg <joe>\n',
    said: '4 imported: 4 added, 0 changed, 0 unchanged',
    exported: 'buero@x.test wilma|root@x.test fred|sales@x.test fred, wilma|x@x.test joe',
  },
  {
    title: 'a mailbox in Latin-1',
    args: ['mailbox', 'import', '--strict'],
    file: '# B\xfcro\nj\xf6rg@x.test\nfred@x.test\n',
    said: 'list:2: is not UTF-8; convert the file first, for example with iconv -f ISO-8859-1 -t UTF-8|nothing imported, 1 bad',
    exported: '',
  },
  {
    title: 'a passwd file with full names in Latin-1',
    args: ['mailbox', 'import', '--format', 'passwd', '--default-domain', 'x.test'],
    file: 'fred:x:1:2:J\xf6rg:/home/fred:/bin/sh\n',
    said: '1 imported: 1 added, 0 changed, 0 unchanged',
    exported: 'fred@x.test value=1:2:/home/fred',
  },
  {
    title: 'a list with a byte order mark',
    args: ['mailbox', 'import', '--replace'],
    file: Buffer.from('\ufefffred@x.test\r\nwilma@x.test\r\n\ufeffjoe@x.test\r\n'),
    said: '3 imported: 3 added, 0 changed, 0 unchanged, 0 removed',
    exported: 'fred@x.test|joe@x.test|wilma@x.test',
  },
  {
    title: 'a list in UTF-16',
    args: ['mailbox', 'import'],
    file: Buffer.from('\ufefffred@example.org\r\n', 'utf16le'),
    said: 'list: is UTF-16, or not a text; convert it first: iconv -f UTF-16 -t UTF-8',
    exported: '',
  },
  {
    title: 'a virtual alias file with names, comments and no commas',
    args: ['alias', 'import'],
    file: 'a@x.test fred wilma\nb@x.test <fred@x.test>\nc@x.test "Fred Bloggs" <fred@x.test>, wilma\nd@x.test fred (Fred)\ne@x.test fred; wilma\n',
    said: '5 imported: 5 added, 0 changed, 0 unchanged',
    exported:
      'a@x.test fred, wilma|b@x.test fred@x.test|c@x.test fred@x.test, wilma|d@x.test fred|e@x.test fred, wilma',
  },
  {
    title: 'the relay_recipient_maps of Postfix',
    args: ['mailbox', 'import', '--format', 'postmap', '--strict'],
    file: '# made by an export\nfred@x.test OK\nWilma@x.test\tx\n"quo ted"@x.test 1\n',
    said: '3 imported: 3 added, 0 changed, 0 unchanged',
    exported: 'fred@x.test|"quo ted"@x.test|Wilma@x.test',
  },
  {
    title: 'the virtual_mailbox_maps of Postfix',
    args: ['mailbox', 'import', '--format', 'postmap', '--default-domain', 'x.test'],
    file: 'fred@x.test example.org/fred/\nwilma\n   wilma/\n',
    said: '2 imported: 2 added, 0 changed, 0 unchanged',
    exported: 'fred@x.test value=example.org/fred/|wilma@x.test value=wilma/',
  },
  {
    title: 'tables of Postfix that are no lists of mailboxes',
    args: ['mailbox', 'import', '--format', 'postmap'],
    file: '@x.test OK\nfred@x.test REJECT gone\nwilma@x.test 550 gone\njoe@x.test\nbarney OK\n',
    said:
      'list:1: @x.test: means all addresses of its domain, not mailboxes; make it an alias, or list the addresses|' +
      'list:2: fred@x.test: has an action of access(5) after it; import the file as a table (smmap table import)|' +
      'list:3: wilma@x.test: has an action of access(5) after it; import the file as a table (smmap table import)|' +
      'list:4: joe@x.test: has nothing after it, and postmap(1) ignores such a line|' +
      'list:5: barney: has no domain; give --default-domain|0 imported: 0 added, 0 changed, 0 unchanged, 5 bad',
    exported: '',
  },
  {
    title: 'a virtusertable that refuses the rest of a domain',
    args: ['alias', 'import', '--format', 'virtusertable', '--replace'],
    file: 'info@x.test fred\nspam@x.test error:nouser No\n@x.test\terror:nouser User unknown\n@example.net %1@x.test\n',
    said:
      'list:2: left out, because an unknown address is refused anyway; --replace removes a catch-all from an earlier import|' +
      'list:3: left out, because an unknown address is refused anyway; --replace removes a catch-all from an earlier import|' +
      '2 imported: 2 added, 0 changed, 0 unchanged, 0 removed',
    exported: '@example.net @x.test|info@x.test fred',
  },
  {
    title: 'local-host-names of Sendmail with comments',
    args: ['domain', 'import', '--strict'],
    file: '# local-host-names - \xfc\nlocalhost\nx.test\nmail.x.test  # old host\nexample.net\t# seit 2019 f\xfcr\n',
    said: '4 imported: 4 added, 0 changed, 0 unchanged',
    exported: 'example.net mailbox|localhost mailbox|mail.x.test mailbox|x.test mailbox',
  },
  {
    title: 'addresses as a directory has them',
    args: ['mailbox', 'import'],
    file: 'fred@x.test\nsmtp:wilma@x.test\nSMTP:joe@x.test\nx400:c=de\nfred@x.test;joe@x.test\n"smtp:x"@x.test\n',
    said:
      'list:2: starts with smtp:, which is not part of an address|list:3: starts with SMTP:, which is not part of an address|' +
      'list:4: starts with x400:, which is not part of an address|list:5: has @ outside quotes|2 imported: 2 added, 0 changed, 0 unchanged, 4 bad',
    exported: 'fred@x.test|"smtp:x"@x.test',
  },
  {
    title: 'a transport table that was taken for aliases',
    args: ['alias', 'import'],
    file: 'ant@x.test lmtp:[127.0.0.1]:8024\nbee@x.test smtp:fred@x.test\ncat@x.test relay:[gateway]\ndog@x.test error:5.1.1 no\n',
    said:
      'list:1: ant@x.test: a target starts with lmtp:, which is not part of an address|' +
      'list:2: bee@x.test: a target starts with smtp:, which is not part of an address|' +
      'list:3: cat@x.test: a target starts with relay:, which is not part of an address|' +
      'list:4: dog@x.test: a target refuses mail, and only a table can do that: see smmap table|0 imported: 0 added, 0 changed, 0 unchanged, 4 bad',
    exported: '',
  },
  {
    title: 'the passwords of docker-mailserver',
    args: ['mailbox', 'import'],
    file: 'fred@x.test|{SHA512-CRYPT}$6$secret\nwilma@x.test:{PLAIN}secret\njoe@x.test secret\nbarney:secret:1:2::/:\n',
    said:
      'list:1: has no valid domain after the @|list:2: has no valid domain after the @|' +
      'list:3: joe@x.test: has other words after it than state=STATE, value=TEXT and folder=NAME; to read a table of Postfix, such as ' +
      'relay_recipient_maps, give --format postmap|list:4: has : outside quotes|0 imported: 0 added, 0 changed, 0 unchanged, 4 bad',
    exported: '',
  },
  {
    title: 'a list that says something twice, which may be a password',
    args: ['alias', 'import', '--format', 'aliases', '--default-domain', 'x.test'],
    file: 'fred: a\nfred: b\njoe%secret: a\njoe%secret: b\n',
    said: 'list:2: fred@x.test: is in the list twice|list:4: is in the list twice|2 imported: 2 added, 0 changed, 0 unchanged, 2 bad',
    exported: 'fred@x.test a|joe%secret@x.test a',
  },
  {
    title: 'the list of an old Cyrus',
    args: ['mailbox', 'import', '--format', 'cyrus', '--default-domain', 'x.test'],
    file: 'user.fred\t0 default fred\tlrswipkxtecda\t\nuser.fred.lists\t0 default fred\tlrswipkxtecda\tanyone\tp\t\n',
    said:
      'list: is not a complete list of ctl_mboxlist -d: it is the text of Cyrus before 3.6, but smmap reads the JSON of 3.6 and ' +
      'later; import a list of addresses instead (--format list)',
    exported: '',
  },
] as const;

describe('an import of', () => {
  test.for(FOUND.map((found) => [found.title, found] as const))('%s', async ([, { args, file, said, exported }]) => {
    const { read, print } = await openStore();
    const bytes = typeof file === 'string' ? Buffer.from(file, 'latin1') : file;
    const [code, stderr] = await read(args, bytes);
    const lines = said.split('|').map((line) => `smmap: ${line}\n`);
    expect([code, stderr]).toEqual([/bad|UTF-16|complete/.test(said) ? 65 : 0, lines.join('')]);
    if (code === 65 && exported === '') return;
    const rows = exported.split('|').map((row) => `${row}\n`);
    expect(await print(args[0], args[0] === 'alias' ? 'list' : 'export')).toBe(rows.join(''));
  });

  test('aliases of users to themselves is answered, and their mailboxes are found', async () => {
    const { folder, read } = await openStore();
    const aliases = 'fred: \\fred, wilma\nuser1-domain.com: other@otherserver.example,\\user1-domain.com\n';
    await read(['mailbox', 'import'], 'fred@example.org\nwilma@example.org\n');
    expect(await read(['alias', 'import', '--format', 'aliases', '--default-domain', 'example.org'], aliases)).toEqual([
      0,
      'smmap: 2 imported: 2 added, 0 changed, 0 unchanged\n',
    ]);
    const config = `
      listen.mta.path = "${join(folder, 'smmap.sock')}"
      store.local = { driver = "embedded", path = "${join(folder, 'store')}" }
      map.once = { kind = "alias", default_domain = "example.org" }
      map.fully = { kind = "alias", expand = "fully", default_domain = "example.org" }
      map.mailbox = { aliases = true, default_domain = "example.org" }`;
    const daemon = await serve({ folder, config });
    const asked = async (map: string, key: string): Promise<string> =>
      (await cli(['probe', '--server', `unix:${daemon.socket}`, '--map', map, key])).stdout;
    expect(await asked('once', 'fred')).toBe('fred\tOK fred, wilma\n');
    expect(await asked('fully', 'fred')).toMatch(/^fred\tOK fred.*, wilma/);
    expect(await asked('once', 'user1-domain.com')).toContain('OK other@otherserver.example, user1-domain.com');
    expect(await asked('mailbox', 'fred')).toContain('OK ');
    await daemon.stop();
  });
});

test('a slow import from a pipe does not stop other commands', async () => {
  const { folder, run, print } = await openStore();
  const args = [MAIN, 'mailbox', 'import', '-', '--store', join(folder, 'store')];
  const slow = spawn(process.execPath, args, { stdio: ['pipe', 'ignore', 'ignore'] });
  slow.stdin.write('first@x.test\n');
  await new Promise((resolve) => setTimeout(resolve, 1_000)); // longer than the command takes to open the store
  expect(await run(['mailbox', 'add', 'other@x.test'])).toEqual([0, 'added other@x.test\n', '']);
  const ended = new Promise((resolve) => slow.once('exit', resolve));
  slow.stdin.end('last@x.test\n');
  expect(await ended).toBe(0);
  expect(await print('mailbox', 'list')).toBe('first@x.test\nlast@x.test\nother@x.test\n');
});

test('an alias never gets more targets than a mail server accepts', async () => {
  const { run } = await openStore();
  const add = (from: number) => {
    const targets = Array.from({ length: 2_000 }, (_, at) => `u${from + at}@x.test`);
    return run(['alias', 'add', 'all@x.test', ...targets]);
  };
  expect((await add(0))[0]).toBe(0);
  expect((await add(2_000))[0]).toBe(0);
  expect(await add(4_000)).toEqual([65, '', expect.stringContaining('has over 5000 targets; split it')]);
});
