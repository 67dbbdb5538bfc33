import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openStore } from './embedded.ts';

/** Each kind, with what one of so many is, and how many there are of other things that nobody may touch. */
const KINDS = [
  ['mailbox', 'mailboxes', [], (at: number) => `user${at}@example.org`],
  ['alias', 'aliases', [], (at: number) => `user${at}@example.org fred@example.net`],
  ['domain', 'domains', [], (at: number) => `d${at}.example relay`],
  ['table', 'keys', ['access'], (at: number) => `key${at}\tOK`],
] as const;

const linesOf = (line: (at: number) => string, from: number, to: number): string =>
  Array.from({ length: to - from }, (_, at) => `${line(from + at)}\n`).join('');

describe.each(KINDS)('smmap %s import --replace', (kind, several, table, line) => {
  const importing = [kind, 'import', ...table];
  const replacing = [...importing, '--replace'];
  const said = (going: number, of: number, added = 0): string =>
    `smmap: list: would add ${added}, change 0 and remove ${going} of ${of} ${several}: was the list cut off? If it is right, give --allow-removals ${going}\n`;

  test('removes nothing for a list that was cut off, until an option says how many records may be removed', async () => {
    const { read, run } = await openStore();
    await read(importing, linesOf(line, 0, 30_000));
    const before = (await run([kind, 'export', ...table]))[1];
    const cut = linesOf(line, 0, 11);
    expect(await read(replacing, cut)).toEqual([65, `${said(29_989, 30_000)}smmap: nothing imported\n`]);
    expect(await read([...replacing, '--dry-run'], cut)).toEqual([
      65,
      `${said(29_989, 30_000)}smmap: nothing would be imported\n`,
    ]);
    expect(await read([...replacing, '--allow-removals', '29988'], cut)).toEqual([
      65,
      `${said(29_989, 30_000)}smmap: nothing imported\n`,
    ]);
    expect((await run([kind, 'export', ...table]))[1]).toBe(before);
    const allowed = [...replacing, '--allow-removals', '29989'];
    expect(await read([...allowed, '--dry-run'], cut)).toEqual([
      0,
      'smmap: 11 would be imported: 0 added, 0 changed, 11 unchanged, 29989 removed\n',
    ]);
    expect((await run([kind, 'export', ...table]))[1]).toBe(before);
    expect(await read(allowed, cut)).toEqual([
      0,
      'smmap: 11 imported: 0 added, 0 changed, 11 unchanged, 29989 removed\n',
    ]);
    expect((await run([kind, 'export', ...table]))[1].trim().split('\n')).toHaveLength(11);
  });

  test.for([
    ['ten of twelve, since that is few', 12, 2, 12, 0],
    ['eleven of twelve', 12, 1, 12, 65],
    ['a tenth', 200, 180, 200, 0],
    ['more than a tenth', 200, 179, 200, 65],
    ['more than a tenth, though as many come', 200, 179, 400, 65],
  ] as const)('limits removals, for %s: %i records, of which %i stay', async ([, there, stay, to, code]) => {
    const { read } = await openStore();
    await read(importing, linesOf(line, 0, there));
    const list = linesOf(line, 0, stay) + linesOf(line, there, to);
    const [ended, words] = await read(replacing, list);
    const result =
      code === 0
        ? `smmap: ${stay + to - there} imported: ${to - there} added, 0 changed, ${stay} unchanged, ${there - stay} removed\n`
        : `${said(there - stay, there, to - there)}smmap: nothing imported\n`;
    expect([ended, words]).toEqual([code, result]);
  });

  test('refuses a list whose last line has no end, unless an option says that it is complete', async () => {
    const { read, run } = await openStore();
    await read(importing, linesOf(line, 0, 3));
    const unended = linesOf(line, 0, 3).slice(0, -1);
    const suspicion = 'smmap: list: its last line has no line feed: was it cut off?';
    const remedy = ' If it is complete, end that line, or give --allow-unended\n';
    expect(await read(replacing, unended)).toEqual([65, `${suspicion}${remedy}smmap: nothing imported\n`]);
    expect(await read([...importing, '--strict'], unended)).toEqual([
      65,
      `${suspicion}${remedy}smmap: nothing imported\n`,
    ]);
    expect(await read(importing, unended)).toEqual([
      0,
      `${suspicion}\nsmmap: 3 imported: 0 added, 0 changed, 3 unchanged\n`,
    ]);
    expect(await read([...replacing, '--allow-unended'], unended)).toEqual([
      0,
      'smmap: 3 imported: 0 added, 0 changed, 3 unchanged, 0 removed\n',
    ]);
    expect((await run([kind, 'export', ...table]))[1].trim().split('\n')).toHaveLength(3);
  });
});

describe('an import', () => {
  test('with --dry-run makes no store, and says what it would change', async () => {
    const { folder, read, run } = await openStore();
    rmSync(join(folder, 'store'), { recursive: true });
    expect(await read(['mailbox', 'import', '--dry-run'], 'a@example.org\nb\n')).toEqual([
      65,
      'smmap: list:2: b: has no domain; give user@domain\nsmmap: 1 would be imported: 1 added, 0 changed, 0 unchanged, 1 bad\n',
    ]);
    expect((await run(['mailbox', 'list']))[0]).toBe(74);
    expect((await run(['store', 'create']))[0]).toBe(0);
    await read(['mailbox', 'import'], 'a@example.org\n');
    expect(await read(['mailbox', 'import', '--dry-run'], 'a@example.org state=disabled\nb@example.org\n')).toEqual([
      0,
      'smmap: 2 would be imported: 1 added, 1 changed, 0 unchanged\n',
    ]);
    expect((await run(['mailbox', 'export']))[1]).toBe('a@example.org\n');
  });

  test.for([
    [['--allow-removals', '5'], '--allow-removals needs --replace'],
    [['--replace', '--allow-removals', 'all'], 'Give a whole number, such as 500.'],
  ] as const)('refuses %s', async ([args, said]) => {
    const { run } = await openStore();
    const [code, , stderr] = await run(['mailbox', 'import', ...args, '-'], 'a@example.org\n');
    expect([code, stderr]).toEqual([64, expect.stringContaining(said)]);
  });
});
