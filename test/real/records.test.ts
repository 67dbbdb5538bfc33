import { chmodSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { formatLine } from '../../src/record/record.ts';
import { openRecords } from '../../src/store/driver/embedded/records.ts';
import { createEmpty } from '../../src/store/driver/embedded/whole.ts';
import type { About } from '../../src/vocabulary.ts';
import { cli, makeFolder, serve } from './daemon.ts';
import { openStore, type Store } from './embedded.ts';

describe('smmap mailbox', () => {
  test('adds, shows, lists and removes', async () => {
    const { run, print } = await openStore();
    await print('mailbox', 'add', '--folder', 'lists', '--value', '/var/mail/fred', 'Fred@Example.org');
    await print('mailbox', 'add', '--state', 'disabled', 'fred@example.org', 'wilma@example.net');
    expect(await print('mailbox', 'show', 'FRED@example.org')).toBe(
      'fred@example.org\n  state    disabled\n  value    /var/mail/fred\n  folder   lists\n',
    );
    expect(await print('mailbox', 'export')).toBe(
      'wilma@example.net state=disabled\nfred@example.org state=disabled value=/var/mail/fred folder=lists\n',
    );
    await print('mailbox', 'add', '--value', '', 'fred@example.org');
    expect(await print('mailbox', 'show', 'fred@example.org')).not.toContain('value');
    await print('mailbox', 'add', '--folder', 'news', 'fred@example.org');
    expect(await print('mailbox', 'show', 'fred@example.org')).toContain('disabled');
    const stays = 'smmap: fred@example.org: exists, and stays disabled; to change that, give --state active\n';
    expect(await run(['mailbox', 'add', 'fred@example.org', 'barney@example.org'])).toEqual([
      0,
      'unchanged fred@example.org\nadded barney@example.org\n',
      stays,
    ]);
    await print('mailbox', 'add', '--state', 'active', 'fred@example.org');
    expect(await print('mailbox', 'show', 'fred@example.org')).toContain('state    active');
    await print('mailbox', 'remove', 'barney@example.org');
    expect(await print('mailbox', 'list', '--domain', 'EXAMPLE.net')).toBe('wilma@example.net\n');
    const missing = 'smmap: joe@example.org: there is no such mailbox\n';
    expect(await run(['mailbox', 'show', 'joe@example.org'])).toEqual([1, '', missing]);
    expect(await run(['mailbox', 'remove', 'joe@example.org', 'fred@example.org'])).toEqual([
      1,
      'removed fred@example.org\n',
      missing,
    ]);
    expect(await print('mailbox', 'list')).toBe('wilma@example.net\n');
  });

  test.for([
    [['add', 'fred'], 65, 'smmap: fred: has no domain; give user@domain\n'],
    [['add', '--value', 'a\tb', 'fred@example.org'], 65, 'smmap: value "a\\tb": has a control character\n'],
    [['add', '--state', 'dead', 'fred@example.org'], 64, "error: option '--state <state>' argument 'dead' is invalid."],
    [['list', '--domain', 'a b'], 65, 'smmap: a b: is not a domain\n'],
    [['add', `${'x'.repeat(2_000)}@a.example`], 65, 'x@a.example: is longer than the store can hold\n'],
  ] as const)('refuses %s', async ([args, code, said]) => {
    const { run, print } = await openStore();
    const [ended, stdout, stderr] = await run(['mailbox', ...args]);
    expect([ended, stdout, stderr]).toEqual([code, '', expect.stringContaining(said)]);
    expect((await run(['mailbox', 'export']))[1]).toBe('');
    await print('mailbox', 'add', 'fred@example.org');
  });
});

describe('smmap alias', () => {
  test('adds targets, replaces them, lists and removes', async () => {
    const { run, print } = await openStore();
    await print('alias', 'add', 'Sales@example.org', 'fred@example.org');
    await print('alias', 'add', 'sales@example.org', 'wilma@example.org, fred@example.org', 'joe');
    await print('alias', 'add', '@example.net', '@example.org');
    expect(await print('alias', 'list')).toBe(
      '@example.net @example.org\nsales@example.org fred@example.org, wilma@example.org, joe\n',
    );
    await print('alias', 'add', '--replace', 'sales@example.org', 'joe@example.org');
    expect(await print('alias', 'list', '-d', 'example.org')).toBe('sales@example.org joe@example.org\n');
    expect(await run(['alias', 'remove', 'sales@example.org', 'x@example.net', '@example.net'])).toEqual([
      1,
      'removed sales@example.org\nremoved @example.net\n',
      'smmap: x@example.net: there is no such alias\n',
    ]);
    expect(await print('alias', 'export')).toBe('');
  });

  test('shows them, and removes one target and not the alias', async () => {
    const { run, print } = await openStore();
    await print('alias', 'add', 'team@example.org', 'a@example.net', 'b@example.net', 'c@example.net');
    await print('alias', 'add', 'b@example.net', 'd@example.net');
    const all = 'team@example.org\n  target   a@example.net\n  target   b@example.net\n  target   c@example.net\n';
    for (const target of ['b@example.net', 'B@EXAMPLE.net']) {
      const [code, , said] = await run(['alias', 'remove', 'team@example.org', 'x@example.org', target]);
      expect([code, said]).toEqual([
        64,
        expect.stringContaining(`smmap alias remove --target ${target} team@example.org.`),
      ]);
      expect(await print('alias', 'show', 'team@example.org')).toBe(all);
    }
    await print('alias', 'remove', '--target', 'B@Example.net', 'team@example.org');
    expect(await print('alias', 'show', 'team@example.org')).toBe(all.replace('  target   b@example.net\n', ''));
    const none = 'smmap: team@example.org: b@example.net is not one of its targets\n';
    expect(await run(['alias', 'remove', '-t', 'b@example.net', 'team@example.org'])).toEqual([
      1,
      'unchanged team@example.org\n',
      none,
    ]);
    const [code, , said] = await run(['alias', 'remove', '-t', 'a@example.net,c@example.net', 'team@example.org']);
    expect([code, said]).toEqual([65, expect.stringMatching(/would have no target.+Nothing was removed/)]);
    await print('alias', 'remove', 'team@example.org');
    expect(await print('alias', 'list')).toBe('b@example.net d@example.net\n');
    const missing = 'smmap: team@example.org: there is no such alias\n';
    expect(await run(['alias', 'show', 'team@example.org'])).toEqual([1, '', missing]);
    expect(await run(['alias', 'remove', '-t', 'a@example.net', 'team@example.org'])).toEqual([1, '', missing]);
  });

  test.for([
    [['sales', 'fred@example.org'], 65, 'smmap: sales: has no domain; give user@domain\n'],
    [['sales@example.org', 'fred wilma'], 65, 'smmap: sales@example.org: '],
    [['sales@example.org'], 64, "error: missing required argument 'target'"],
  ] as const)('refuses %s', async ([args, code, said]) => {
    const { run } = await openStore();
    expect(await run(['alias', 'add', ...args])).toEqual([code, '', expect.stringContaining(said)]);
  });
});

describe('smmap domain', () => {
  test('adds, lists (with domains that have a mailbox), exports (without them), and removes', async () => {
    const { run, print } = await openStore();
    await print('domain', 'add', 'example.ORG', 'example.net');
    await print('domain', 'add', '--class', 'relay', 'example.net');
    await print('mailbox', 'add', 'fred@example.com');
    expect(await print('domain', 'list')).toBe('example.com mailbox\nexample.net relay\nexample.org mailbox\n');
    expect(await print('domain', 'export')).toBe('example.net relay\nexample.org mailbox\n');
    expect(await print('domain', 'show', 'example.NET', 'example.com')).toBe(
      'example.net\n  class    relay\nexample.com\n  class    mailbox\n',
    );
    await print('domain', 'add', 'example.net');
    expect(await print('domain', 'show', 'example.net')).toContain('relay');
    const missing = 'smmap: example.com: is hosted because it has mailboxes: remove these\n';
    expect(await run(['domain', 'remove', 'example.org', 'example.com'])).toEqual([
      1,
      'removed example.org\n',
      missing,
    ]);
    expect(await print('domain', 'export')).toBe('example.net relay\n');
  });

  test('lists with --all also alias domains of the configuration, if their target domain is hosted', async () => {
    const { folder, run, print } = await openStore();
    await print('domain', 'add', '--class', 'alias', 'example.net');
    await print('mailbox', 'add', 'fred@example.com', 'joe@twice.example');
    const config = join(folder, 'smmap.toml');
    writeFileSync(
      config,
      `[map.mailbox]
      alias_domains = { "sales.example" = "example.com", "lost.example" = "example.info", "twice.example" = "example.com" }
      [map.virtual]
      kind = "alias"
      alias_domains = { "caught.example" = "example.net" }`,
    );
    const hosted = 'example.com mailbox\nexample.net alias\ntwice.example mailbox\n';
    expect(await print('domain', 'list', '--config', config)).toBe(hosted);
    expect(await print('domain', 'list', '--all', '--config', config)).toBe(
      `${hosted}sales.example mailbox\ncaught.example alias\n`,
    );
    expect(await run(['mailbox', 'list', '--all'])).toEqual([
      64,
      '',
      expect.stringContaining("unknown option '--all'"),
    ]);
  });

  test('refuses an invalid domain and an unknown class', async () => {
    const { run } = await openStore();
    expect(await run(['domain', 'add', 'a b'])).toEqual([65, '', 'smmap: a b: is not a domain\n']);
    const [code, , said] = await run(['domain', 'add', '--class', 'local', 'example.org']);
    expect([code, said]).toEqual([64, expect.stringContaining('Allowed choices are mailbox, alias, relay.')]);
  });
});

describe('smmap table', () => {
  test('adds, lists and removes, in one table and no other', async () => {
    const { run, print } = await openStore();
    await print('table', 'add', 'access', 'Connect:192.0.2.7', 'REJECT go away');
    await print('table', 'add', 'access', 'with space', ' OK ');
    await print('table', 'add', 'access2', '*', 'DISCARD');
    expect(await print('table', 'list')).toBe('access\naccess2\n');
    expect(await print('table', 'list', 'access')).toBe('Connect:192.0.2.7\tREJECT go away\n"with space"\tOK\n');
    expect(await print('table', 'export', 'access2')).toBe('*\tDISCARD\n');
    expect(await print('table', 'show', 'access', 'connect:192.0.2.7')).toBe(
      'Connect:192.0.2.7\n  value    REJECT go away\n',
    );
    expect((await run(['table', 'show', 'access2', 'with space']))[0]).toBe(1);
    const missing = 'smmap: 192.0.2.7: there is no such key\n';
    expect(await run(['table', 'remove', 'access', '192.0.2.7', 'CONNECT:192.0.2.7'])).toEqual([
      1,
      'removed CONNECT:192.0.2.7\n',
      missing,
    ]);
    expect(await print('table', 'list', 'access')).toBe('"with space"\tOK\n');
  });

  test.for([
    [['add', 'access', 'key', ''], 65, 'smmap: key: has no value\n'],
    [['add', 'access', 'a\nb', 'OK'], 65, 'has a control character\n'],
    [['add', 'a b', 'key', 'OK'], 64, 'The name of a table must not be empty or have blanks.'],
    [['list', ''], 64, 'The name of a table must not be empty or have blanks.'],
    [['import', 'access'], 64, "error: missing required argument 'file'"],
  ] as const)('refuses %s', async ([args, code, said]) => {
    const { run } = await openStore();
    expect(await run(['table', ...args])).toEqual([code, '', expect.stringContaining(said)]);
  });
});

/** For each format a file as one might be, with one bad line, and what is exported of it. */
const LISTS = [
  {
    args: ['mailbox', 'import'],
    list: '# mailboxes\nfred@example.org folder=lists\n\nwilma\n"quo ted"@example.org state=overquota value=/x\n',
    bad: '4: wilma: has no domain; give user@domain',
    imported: 2,
    print: ['mailbox', 'export'],
    exported: ['fred@example.org folder=lists', '"quo ted"@example.org state=overquota value=/x'],
  },
  {
    args: ['mailbox', 'import', '--format', 'passwd', '--default-domain', 'Example.org'],
    list: 'fred:x:1000:1000:Fred:/home/fred:/bin/sh\nwilma:x:1001\njoe:x:1002:100::/home/joe:/bin/false\n',
    bad: '2: wilma@example.org: has 3 fields, but passwd(5) has 7',
    imported: 2,
    print: ['mailbox', 'export'],
    exported: ['fred@example.org value=1000:1000:/home/fred', 'joe@example.org value=1002:100:/home/joe'],
  },
  {
    args: ['mailbox', 'import', '--format', 'dovecot'],
    list: 'fred@example.org:{PLAIN}pass:5000:5000::/var/mail/fred::userdb_mail=maildir\nwilma:{PLAIN}p\njoe@example.net\n',
    bad: '2: wilma: has no domain; give --default-domain',
    imported: 2,
    print: ['mailbox', 'export'],
    exported: ['joe@example.net', 'fred@example.org value=5000:5000:/var/mail/fred'],
  },
  {
    args: ['alias', 'import'],
    list: 'example.net anything\n# sales\nsales@example.net fred@example.org,\n\twilma@example.org\n\ninfo fred@example.org\n@example.net @example.org\n',
    bad: '6: info: has no domain; give --default-domain',
    imported: 3,
    print: ['alias', 'export'],
    exported: [
      'example.net virtual',
      '@example.net @example.org',
      'sales@example.net fred@example.org, wilma@example.org',
    ],
  },
  {
    args: ['alias', 'import', '--format', 'virtusertable'],
    list: 'info@example.org\tfred\n@example.net\t%1%3@example.org\nnobody@example.org\terror:4.2.1:450 Later\n',
    bad: '3: nobody@example.org: has an error as its target; import the file as a table instead (smmap table import)',
    imported: 2,
    print: ['alias', 'export'],
    exported: ['@example.net @example.org', 'info@example.org fred'],
  },
  {
    args: ['alias', 'import', '--format', 'aliases', '--default-domain', 'example.org'],
    list: 'postmaster: root,\n  wilma@example.net\nroot no colon\nowner-list: fred\nnews: "|/usr/bin/news -f"\n',
    bad: '3: root: has no colon after its name',
    imported: 3,
    print: ['alias', 'list'],
    exported: [
      'news@example.org "|/usr/bin/news -f"',
      'owner-list@example.org fred',
      'postmaster@example.org root, wilma@example.net',
    ],
  },
  {
    args: ['domain', 'import'],
    list: '# hosted\nexample.org\nexample.net alias\nexample.com local\n',
    bad: '4: example.com: the word after it is not a class; give one of mailbox, alias, relay',
    imported: 2,
    print: ['domain', 'export'],
    exported: ['example.net alias', 'example.org mailbox'],
  },
  {
    args: ['table', 'import', 'access'],
    list: 'Connect:192.0.2.7\tREJECT go away\nFrom:spammer@\n# comment\nTo:list@example.org OK\n',
    bad: '2: has no value',
    imported: 2,
    print: ['table', 'export', 'access'],
    exported: ['Connect:192.0.2.7\tREJECT go away', 'To:list@example.org\tOK'],
  },
  {
    args: ['table', 'import', '--format', 'postmap', 'transport'],
    list: ' odd\nexample.org\n   lmtp:unix:/run/lmtp\n.example.net smtp:[gw]\n',
    bad: '1: starts with a blank, so it has no key',
    imported: 2,
    print: ['table', 'export', 'transport'],
    exported: ['.example.net\tsmtp:[gw]', 'example.org\tlmtp:unix:/run/lmtp'],
  },
] as const;

describe('an import', () => {
  test.for(LISTS.map((list) => [list.args.join(' '), list] as const))(
    'smmap %s',
    async ([, { args, list, bad, imported, print: printing, exported }]) => {
      const { read, run, print } = await openStore();
      const said = `smmap: list:${bad}\n`;
      expect(await read([...args, '--strict'], list)).toEqual([65, `${said}smmap: nothing imported, 1 bad\n`]);
      const noTable = [65, '', expect.stringContaining('there are no tables')];
      expect(await run(printing)).toEqual(printing[0] === 'table' ? noTable : [0, '', '']);
      expect(await read(args, list)).toEqual([
        65,
        `${said}smmap: ${imported} imported: ${imported} added, 0 changed, 0 unchanged, 1 bad\n`,
      ]);
      const lines = await print(...printing);
      expect(lines).toBe(`${exported.join('\n')}\n`);
      if (printing[1] === 'list') return;
      const again = await openStore();
      const format = args.filter((arg) => ['mailbox', 'alias', 'domain', 'table', 'import', args.at(-1)].includes(arg));
      const importing = printing[0] === 'table' ? format : [printing[0], 'import'];
      expect(await again.read(importing, lines)).toEqual([
        0,
        `smmap: ${exported.length} imported: ${exported.length} added, 0 changed, 0 unchanged\n`,
      ]);
      expect(await again.print(...printing)).toBe(lines);
    },
  );

  test.for([
    ['mailbox', [], 'a@example.org', 'b@example.org', 'b'],
    ['alias', [], 'a@example.org x@example.org', 'b@example.org x@example.org', 'b x'],
    ['domain', [], 'a.example mailbox', 'b.example mailbox', 'a b'],
    ['table', ['access'], 'a\tOK', 'b\tOK', 'b'],
  ] as const)('with --replace removes the rest of its kind: %s', async ([kind, table, old, list, bad]) => {
    const { folder, read, print } = await openStore();
    const others = [
      ['mailbox', 'add', 'other@other.example'],
      ['alias', 'add', 'other@other.example', 'x@other.example'],
      ['domain', 'add', '--class', 'relay', 'other.example'],
      ['table', 'add', 'access', 'other', 'OK'],
      ['table', 'add', 'accessory', 'other', 'OK'],
      ['table', 'add', 'acces', 'other', 'OK'],
    ];
    for (const args of others) await print(...args);
    /** All that is in the store, by kind and table. */
    const all = async (): Promise<Record<string, string[]>> => {
      const records = openRecords(join(folder, 'store'), 'read');
      const linesOf = (about: About, within: string | null): string[] =>
        Array.from(records.all(about, within), formatLine);
      const found = {
        mailbox: linesOf('mailbox', null),
        alias: linesOf('alias', null),
        domain: linesOf('domain', null),
        table: linesOf('key', 'access'),
        otherTables: [...linesOf('key', 'acces'), ...linesOf('key', 'accessory')],
      };
      await records.close();
      return found;
    };
    const importing = [kind, 'import', ...table];
    expect(await read(importing, `${old}\n`)).toEqual([0, 'smmap: 1 imported: 1 added, 0 changed, 0 unchanged\n']);
    const before = await all();
    expect(await read([...importing, '--replace'], `${list}\n${bad}\n`)).toEqual([
      65,
      expect.stringMatching(/^smmap: list:2: .+\nsmmap: nothing imported, 1 bad\n$/),
    ]);
    expect(await all()).toEqual(before);

    expect(await read([...importing, '--replace'], `${list}\n`)).toEqual([
      0,
      'smmap: 1 imported: 1 added, 0 changed, 0 unchanged, 2 removed\n',
    ]);
    const replaced = { ...before, [kind]: [list] };
    expect(await all()).toEqual(replaced);

    const one = kind === 'table' ? 'key' : kind;
    const refused = `smmap: list: has no ${one}, so all would be removed; if that is right, give --allow-empty\n`;
    for (const empty of ['', '# none\n\n']) {
      expect(await read([...importing, '--replace'], empty)).toEqual([65, `${refused}smmap: nothing imported\n`]);
    }
    expect(await all()).toEqual(replaced);
    expect(await read([...importing, '--replace', '--allow-empty'], '')).toEqual([
      0,
      'smmap: 0 imported: 0 added, 0 changed, 0 unchanged, 1 removed\n',
    ]);
    expect(await all()).toEqual({ ...before, [kind]: [] });
  });

  test('of all aliases needs at least one alias, and domains are not enough', async () => {
    const { read, print } = await openStore();
    expect(await read(['alias', 'import', '--replace'], 'example.net anything\n')).toEqual([
      65,
      expect.stringMatching(/^smmap: list: has no alias, .+\nsmmap: nothing imported\n$/),
    ]);
    expect(await print('domain', 'export')).toBe('');
  });

  test('of an empty list leaves a store uncertain, unless it is allowed to be empty', async () => {
    const { folder, read } = await openStore();
    const asked = async (): Promise<string> => {
      const config = `
        listen.mta.path = "${join(folder, 'smmap.sock')}"
        store.local = { driver = "embedded", path = "${join(folder, 'store')}" }
        map.access = { kind = "table" }`;
      const daemon = await serve({ folder, config });
      const { stdout } = await cli(['probe', '--server', `unix:${daemon.socket}`, '--map', 'access', 'key']);
      await daemon.stop();
      return stdout;
    };
    expect(await read(['table', 'import', 'access'], '')).toEqual([
      0,
      'smmap: 0 imported: 0 added, 0 changed, 0 unchanged\n',
    ]);
    expect(await asked()).toBe('key\tTEMP lookup failed\n');
    expect(await read(['table', 'import', '--allow-empty', 'access'], '')).toEqual([
      0,
      'smmap: 0 imported: 0 added, 0 changed, 0 unchanged\n',
    ]);
    expect(await asked()).toBe('key\tNOTFOUND\n');
  });

  test.for([
    [
      ['alias', '--format', 'aliases'],
      64,
      '--format aliases needs --default-domain: the names in such a file have no domain',
    ],
    [['alias', '--default-domain', 'a b'], 64, '--default-domain a b: is not a domain'],
    [
      ['alias', '--format', 'virtusertable', '--default-domain', 'example.org'],
      64,
      '--default-domain is not possible with --format virtusertable, only with virtual, aliases',
    ],
    [['mailbox', '--separator', '.'], 64, '--separator is not possible with --format list, only with cyrus'],
  ] as const)('refuses %s', async ([[kind, ...args], code, said]) => {
    const { run } = await openStore();
    expect(await run([kind, 'import', ...args, '-'])).toEqual([code, '', `smmap: ${said}\n`]);
  });

  test.for([
    ['alias', 'import', 'a@example.org x\nA@EXAMPLE.org y\n', 'A@example.org', ['alias', 'list'], 'a@example.org x\n'],
    [
      'domain',
      'import',
      'example.org relay\nExample.ORG. alias\n',
      'example.org',
      ['domain', 'list'],
      'example.org relay\n',
    ],
    ['table', 'import', 'a OK\nA REJECT\n', 'A', ['table', 'list', 'access'], 'a\tOK\n'],
  ] as const)('of a list with a duplicate keeps the first record, as mail servers do: %s', async (row) => {
    const [kind, command, list, name, printing, kept] = row;
    const { read, print } = await openStore();
    const said = `smmap: list:2: ${name}: is in the list twice\nsmmap: 1 imported: 1 added, 0 changed, 0 unchanged, 1 bad\n`;
    expect(await read([kind, command, ...(kind === 'table' ? ['access'] : [])], list)).toEqual([65, said]);
    expect(await print(...printing)).toBe(kept);
  });

  test('of a file that cannot be read names the file', async () => {
    const { folder, run } = await openStore();
    const missing = join(folder, 'missing');
    const [code, , said] = await run(['alias', 'import', missing]);
    expect([code, said]).toEqual([74, expect.stringMatching(/^smmap: missing: cannot be read \(ENOENT/)]);
    const [ofFolder, , saidOfFolder] = await run(['alias', 'import', folder]);
    expect([ofFolder, saidOfFolder]).toEqual([74, expect.stringMatching(/: cannot be read \(EISDIR/)]);
  });
});

describe('an export', () => {
  const FORMATS = [
    ['mailbox', ['--format', 'list'], 'joe@example.net value=/home/joe\nfred@example.org\n'],
    [
      'mailbox',
      ['--format', 'fqdnroutes', '--route', 'smtp-lmtp!localhost!%u%2'],
      'fred@example.org smtp-lmtp!localhost!fred%2\njoe@example.net smtp-lmtp!localhost!joe%2\n',
    ],
    ['alias', ['--format', 'virtual'], '@example.net fred@example.org\nsales@example.org joe@example.net\n'],
    ['alias', ['--format', 'virtusertable'], '@example.net\tfred@example.org\nsales@example.org\tjoe@example.net\n'],
    ['alias', ['--format', 'fqdnaliases'], '@example.net fred@example.org\nsales@example.org joe@example.net\n'],
    ['domain', ['--format', 'list'], 'example.com relay\n'],
    ['table', ['--format', 'makemap', 'access'], 'example.com\tOK\n'],
  ] as const;

  async function filled(): Promise<Store & { readonly file: string }> {
    const store = await openStore();
    await store.print('mailbox', 'add', 'fred@example.org');
    await store.print('mailbox', 'add', '--value', '/home/joe', 'joe@example.net');
    await store.print('alias', 'add', 'sales@example.org', 'joe@example.net');
    await store.print('alias', 'add', '@example.net', 'fred@example.org');
    await store.print('domain', 'add', '--class', 'relay', 'example.com');
    await store.print('table', 'add', 'access', 'example.com', 'OK');
    const file = join(store.folder, 'out');
    writeFileSync(file, 'old\n');
    chmodSync(file, 0o640);
    return { ...store, file };
  }

  test('in each format is printed, or replaces a file', async () => {
    const { folder, file, print } = await filled();
    for (const [kind, args, lines] of FORMATS) {
      expect(await print(kind, 'export', ...args)).toBe(lines);
      const { ino } = statSync(file);
      expect(await print(kind, 'export', ...args, '--output', file)).toBe('');
      expect(readFileSync(file, 'utf8')).toBe(lines);
      expect(statSync(file).mode & 0o777).toBe(0o640);
      expect(statSync(file).ino).not.toBe(ino);
    }
    expect(readdirSync(folder).toSorted()).toEqual(['out', 'store']);
  });

  test('of alias domains leaves out domains with a mailbox, for which Postfix would refuse all mail', async () => {
    const { print } = await filled();
    await print('domain', 'add', '--class', 'alias', 'example.net', 'example.info');
    expect(await print('alias', 'export')).toMatch(/^example\.info virtual\n@example\.net /);
  });

  test('has a comment for a record that its format cannot express, and ends with 65', async () => {
    const { folder, file, run } = await filled();
    await run(['alias', 'add', 'sales@example.org', 'fred@example.org']);
    const flaw = 'smmap: sales@example.org: has 2 targets, but ';
    const exporting = ['alias', 'export', '--format', 'virtusertable'];
    const list = /^@example\.net\tfred@example\.org\n# left out: sales@example\.org: has 2 targets, .*\n$/;
    expect(await run(exporting)).toEqual([65, expect.stringMatching(list), expect.stringContaining(flaw)]);
    const [code, , said] = await run([...exporting, '-o', file]);
    expect([code, said.split('\n').slice(-2)]).toEqual([
      65,
      [
        'smmap: out: is without the 1 records above, which the format cannot express; with --partial, the exit code is 0',
        '',
      ],
    ]);
    expect(said).toContain(flaw);
    expect([readFileSync(file, 'utf8'), readdirSync(folder).toSorted()]).toEqual([
      expect.stringMatching(list),
      ['out', 'store'],
    ]);
    expect(await run([...exporting, '-o', file, '--partial'])).toEqual([0, '', expect.stringContaining(flaw)]);
  });

  test('for ZMailer routes a disabled mailbox to an error, and keeps the order of records that it leaves out', async () => {
    const { run } = await openStore();
    await run(['mailbox', 'add', '--state', 'disabled', 'off@example.org']);
    await run(['mailbox', 'add', 'fred@example.org', '"qu(oted"@example.org', '!first@example.org', 'a%1@example.org']);
    const [code, stdout] = await run(['mailbox', 'export', '--format', 'fqdnroutes', '--route', 'x!%u']);
    expect([code, stdout.split('\n').map((line) => line.replace(/: .*/, ''))]).toEqual([
      65,
      [
        '!first@example.org x!!first',
        '# left out',
        '# left out',
        'fred@example.org x!fred',
        'off@example.org error!nosuchuser',
        '',
      ],
    ]);
  });

  test('refuses options that exclude each other, a missing folder, and a folder without write permission', async () => {
    const { folder, run } = await filled();
    expect(await run(['mailbox', 'export', '--format', 'fqdnroutes'])).toEqual([
      64,
      '',
      "smmap: --format fqdnroutes needs --route: it is the text after each address, such as 'smtp-lmtp!localhost!%u%2'\n",
    ]);
    expect(await run(['mailbox', 'export', '--route', 'x'])).toEqual([
      64,
      '',
      'smmap: --route is not possible with --format list, only with fqdnroutes\n',
    ]);
    const output = join(folder, 'missing', 'out');
    const [code, stdout, stderr] = await run(['alias', 'export', '--output', output]);
    expect([code, stdout, stderr]).toEqual([
      73,
      '',
      expect.stringMatching(/^smmap: missing\/out: cannot be created \(ENOENT/),
    ]);
    if (process.getuid?.() === 0) return; // who may write everywhere
    chmodSync(folder, 0o555);
    const denied = await run(['alias', 'export', '--output', join(folder, 'out')]);
    chmodSync(folder, 0o755);
    expect(denied).toEqual([73, '', expect.stringMatching(/^smmap: out: cannot be created \(EACCES/)]);
  });

  test('of a missing store says that it is missing', async () => {
    const { folder, run } = await openStore();
    rmSync(join(folder, 'store'), { recursive: true });
    expect(await run(['table', 'export', 'access'])).toEqual([
      74,
      '',
      'smmap: there is no store in store; bring it back (is its disk mounted?), or make a new one: smmap store create --store store\n',
    ]);
  });
});

describe('smmap check', () => {
  async function checked(folder: string, maps: string): Promise<[number, string, string]> {
    const file = join(folder, 'smmap.toml');
    writeFileSync(file, `store.local = { driver = "embedded", path = "${join(folder, 'store')}" }\n${maps}`);
    const { code, stdout, stderr } = await cli(['check', '--config', file]);
    return [code, stdout.replaceAll(`${folder}/`, ''), stderr.replaceAll(`${folder}/`, '')];
  }
  const said = (map: string, loop: string): string =>
    `smmap: smmap.toml: map ${map}: aliases form a loop: ${loop}; change one of them: smmap alias add --replace\n`;

  test('names each loop of aliases once, and no alias that only leads into it', async () => {
    const { folder, read } = await openStore();
    const many = Array.from({ length: 3_000 }, (_, at) => `in${at}@a.example a@a.example\n`).join('');
    const loops = 'a@a.example b@a.example\nb@a.example fred@a.example, A@a.example\nself@a.example self@a.example\n';
    await read(['alias', 'import'], `${many}${loops}@b.example @c.example\n@c.example @b.example\n`);
    await read(['mailbox', 'import'], 'fred@a.example\n');
    const maps = '[map.alias]\nkind = "alias"\n[map.mailbox]\naliases = true\n[map.other]\n';
    const direct = 'a@a.example -> b@a.example -> a@a.example';
    const catching = 'anybody@b.example -> anybody@c.example -> anybody@b.example';
    const all = ['alias', 'mailbox'].map((map) => said(map, direct) + said(map, catching)).join('');
    expect(await checked(folder, maps)).toEqual([65, '', all]);
    expect(await checked(folder, '[map.mailbox]\n')).toEqual([
      0,
      'smmap.toml: no mistakes (1 listener, 1 store, 1 map)\n',
      '',
    ]);
  });

  test('names a loop in the configuration itself', async () => {
    const folder = await makeFolder();
    const memory =
      'store.fixed = { driver = "memory", aliases = ["a@a.example b@a.example", "b@a.example a@a.example"] }\n';
    const loop = said('alias', 'a@a.example -> b@a.example -> a@a.example');
    const maps = `${memory}[map.alias]\nkind = "alias"\nstores = ["fixed", "local"]\n`;
    const missing =
      'smmap: smmap.toml: store local: not checked for loops (there is no store in store); a loop shows in the log as deferred\n';
    expect(await checked(folder, maps)).toEqual([65, '', missing + loop]);
    expect(readdirSync(folder)).toEqual(['smmap.toml']);
  });

  test('does not read a missing or damaged store, and does not call it a mistake', async () => {
    const { folder, print } = await openStore();
    const maps = '[map.alias]\nkind = "alias"\n';
    const right = 'smmap.toml: no mistakes (1 listener, 1 store, 1 map)\n';
    const skipped = (reason: string): string =>
      `smmap: smmap.toml: store local: not checked for loops (${reason}); a loop shows in the log as deferred\n`;
    rmSync(join(folder, 'store'), { recursive: true });
    expect(await checked(folder, maps)).toEqual([0, right, skipped('there is no store in store')]);
    await createEmpty(join(folder, 'store'));
    await print('alias', 'add', 'a@a.example', 'b@a.example');
    expect(await checked(folder, maps)).toEqual([0, right, '']);
    writeFileSync(join(folder, 'store', 'smmap.mdb'), 'garbage');
    const reason = 'store/smmap.mdb cannot be opened: it is not a store, or it was damaged';
    expect(await checked(folder, maps)).toEqual([0, right, skipped(reason)]);
  });
});
