import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FormatOptions, readerFor } from '../../src/cli/records/format.ts';
import type { KindName } from '../../src/cli/records/kind.ts';
import { readLines } from '../../src/cli/records/lines.ts';
import type { Item } from '../../src/format/reader.ts';
import { temporaryFolders } from '../support/folder.ts';

const folder = temporaryFolders();
const DEFAULT: FormatOptions = { '--default-domain': 'example.org' };
const NOT_UTF8 = 'is not UTF-8; convert the file first, for example with iconv -f ISO-8859-1 -t UTF-8';

interface Format {
  readonly kind: KindName;
  readonly format: string;
  readonly options?: FormatOptions;
  /** Two lines of this format. The first has the letter ö in an address or a value. */
  readonly lines: readonly [string, string];
  /** A line in which letters do not count. It stands before the second line. */
  readonly comment: string;
}

const FORMATS: readonly Format[] = [
  { kind: 'mailbox', format: 'list', lines: ['jör@example.org', 'a@example.org'], comment: '# ö' },
  { kind: 'mailbox', format: 'list', lines: ['jör@example.org', 'a@example.org'], comment: 'b@example.org  # ö' },
  {
    kind: 'mailbox',
    format: 'passwd',
    options: DEFAULT,
    lines: ['jör:x:1:2::/home:', 'a:x:1:2::/home:'],
    comment: 'b:x:3:4:Jör:/home/b:/bin/sh',
  },
  { kind: 'mailbox', format: 'dovecot', lines: ['jör@example.org:x', 'a@example.org:x'], comment: 'b@x.test:ö' },
  { kind: 'mailbox', format: 'postmap', lines: ['jör@example.org OK', 'a@example.org OK'], comment: 'b@x.test Jör' },
  { kind: 'alias', format: 'virtual', lines: ['jör@x.test b', 'a@x.test b'], comment: '  # ö' },
  { kind: 'alias', format: 'virtual', lines: ['c@x.test jör', 'a@x.test b'], comment: 'd@x.test b (Jör)' },
  { kind: 'alias', format: 'virtusertable', lines: ['jör@x.test b', 'a@x.test b'], comment: '# ö' },
  { kind: 'alias', format: 'virtusertable', lines: ['c@x.test jör', 'a@x.test b'], comment: '@x.test error:nouser ö' },
  { kind: 'alias', format: 'aliases', options: DEFAULT, lines: ['jör: b', 'a: b'], comment: '# ö' },
  { kind: 'alias', format: 'aliases', options: DEFAULT, lines: ['c: jör', 'a: b'], comment: 'd: Jör <b@x.test>' },
  { kind: 'domain', format: 'list', lines: ['bör.example', 'a.example'], comment: 'b.example # ö' },
  { kind: 'table', format: 'makemap', lines: ['jör OK', 'a OK'], comment: '#ö' },
  { kind: 'table', format: 'postmap', lines: ['c ö', 'a OK'], comment: '\t# ö' },
];

const named = FORMATS.map((each) => [`${each.kind} ${each.format}: ${each.comment}`, each] as const);

/** The records and errors of a file. Throws an error of the whole file. */
function read({ kind, format, options = {} }: Format, content: string | Buffer): Item[] {
  const file = join(folder(), 'list');
  writeFileSync(file, content);
  const fd = openSync(file, 'r');
  try {
    return [...readerFor({ kind, table: kind === 'table' ? 'access' : '' }, format, options)(readLines(fd), 'list')];
  } finally {
    closeSync(fd);
  }
}

const foundIn = (items: readonly Item[]): unknown[] => items.map(({ found }) => found);
const latin1 = (...lines: string[]): Buffer => Buffer.from(`${lines.join('\n')}\n`, 'latin1');

describe('a file', () => {
  it.each(named)('of Windows, without an end of its last line, is read like any other: %s', (_, format) => {
    const { lines, comment } = format;
    const plain = foundIn(read(format, `${[...lines, comment].join('\n')}\n`));
    expect(plain.filter((found) => found instanceof Object && 'about' in found).length).toBeGreaterThan(1);
    expect(foundIn(read(format, `\ufeff${[...lines, comment].join('\r\n')}`))).toEqual(plain);
    expect(foundIn(read(format, `\ufeff${lines[0]}\n\ufeff${lines[1]}\n${comment}`))).toEqual(plain); // two, put together
  });

  it.each(named)('in UTF-16 is refused as a whole: %s', (_, format) => {
    for (const mark of ['', '\ufeff']) {
      expect(() => read(format, Buffer.from(mark + format.lines.join('\n'), 'utf16le'))).toThrow('is UTF-16');
    }
  });

  it.each(named)('in Latin-1 is good if only comments have such letters: %s', (_, format) => {
    const { lines, comment } = format;
    const [, ...rest] = read(format, latin1(...lines, comment));
    const ascii = read(format, latin1('', lines[1], comment.replaceAll('ö', 'o')));
    const found = foundIn(rest.length === ascii.length ? rest : rest.slice(0, -1));
    const expected = foundIn(ascii);
    expect(JSON.stringify(found)).not.toContain('iconv');
    if (format.kind !== 'mailbox' || format.format !== 'passwd') expect(found).toEqual(expected);
  });

  it.each(named)('in Latin-1 is refused with the line and the remedy if such a letter counts: %s', (_, format) => {
    const [first] = read(format, latin1(...format.lines));
    expect(first).toMatchObject({ at: ':1', found: { flaw: NOT_UTF8 } });
  });

  it('in Latin-1 is refused if a continuation line has such a letter', () => {
    const aliases = FORMATS.find(({ format }) => format === 'aliases') as Format;
    expect(foundIn(read(aliases, latin1('a: b,', '# ö', ' c', 'd: e,', ' ö')))).toEqual([
      { about: 'alias', local: 'a', domain: 'example.org', targets: ['b', 'c'] },
      { flaw: NOT_UTF8 },
    ]);
  });

  it.each(named)('with a line of a million characters is read quickly: %s', (_, format) => {
    const [before, behind] = format.lines[1].split(/a(.*)/s) as [string, string];
    const marks = 'a' + '\u0301\u0323'.repeat(240_000); // composing must sort them
    const blanks = ' '.repeat(900_000);
    const start = performance.now();
    for (const text of [
      `${before}${marks}${behind}`,
      `${before}a${behind}${marks}`,
      `${before}a${behind}${marks.slice(0, 45_000)}`,
      `${before}a${behind}@a${marks}`,
      `${before}a${behind}@a${marks.slice(0, 45_000)}`,
      `${before}a@${marks}${behind}`,
      `${before}a${behind}${blanks}x`,
      `${before}a${blanks}${behind}`,
      `${before}${'"\\'.repeat(400_000)}${behind}`,
      `${before}${'.'.repeat(900_000)}${behind}`,
      `${before}a${behind}${' ('.repeat(400_000)}`,
      `${before}a${behind}${'<'.repeat(900_000)}`,
      `${before}a${behind}${'@,'.repeat(400_000)}`,
    ]) {
      read(format, `${text}\n`);
    }
    expect(performance.now() - start).toBeLessThan(5_000); // 25 to 60 s each when time grew with the square
  });

  it.each([
    ['each starting with a blank', 'a@x.test b,\n', ' c,\n'],
    ['each starting with a tab', 'a@x.test b,\n', '\tc\n'],
  ])('with a million continuation lines, %s, is refused', (_, first, more) => {
    const virtual = FORMATS.find(({ format }) => format === 'virtual') as Format;
    const said = 'list:1: is over 1000000 characters with the lines that continue it; is this a list?';
    expect(() => read(virtual, first + more.repeat(1_000_000))).toThrow(said);
  });
});

describe('a virtusertable', () => {
  const TABLE: Format = { kind: 'alias', format: 'virtusertable', lines: ['', ''], comment: '' };
  const ANYWAY = {
    leftOut: 'an unknown address is refused anyway; --replace removes a catch-all from an earlier import',
  };
  const alias = (local: string, ...targets: string[]) => ({ about: 'alias', local, domain: 'x.test', targets });
  const ERROR = {
    flaw: 'joe@x.test: has an error as its target; import the file as a table instead (smmap table import)',
  };

  it.each([
    ['the rest of a domain', 'a@x.test b\n@x.test error:nouser No\n', [alias('a', 'b'), ANYWAY]],
    [
      'an address as well',
      'joe@x.test error:nouser\n@x.test error:5.1.1:550 No\na@x.test b\n',
      [alias('a', 'b'), ANYWAY, ANYWAY],
    ],
    [
      'an address, if there is no catch-all',
      'joe@x.test error:nouser No\n@y.test b\n',
      [{ ...alias('', 'b'), domain: 'y.test' }, ANYWAY],
    ],
    ['an address that is exempt from a catch-all', 'joe@x.test error:nouser No\n@x.test b\n', [alias('', 'b'), ERROR]],
    ['such an address after the catch-all', '@x.test b\njoe@x.test error:nouser No\n', [alias('', 'b'), ERROR]],
  ])('names unknown addresses: %s', (_, text, found) => {
    expect(foundIn(read(TABLE, text))).toEqual(found);
  });
});

describe('a password', () => {
  const separators = fc.constantFrom(':', '|', ';', ',', ' ', '\t', '::', ': ', ' : ', '=', '/', '%');
  const user = fc.constantFrom('fred', 'fred@example.org', '@example.org', 'fr ed', '"fred"', 'example.org', 'a@');
  const secret = fc.constantFrom(
    '{PLAIN}SeCrEt',
    '$6$SeCrEt$x/y.',
    'SeCrEt@word',
    'Se CrEt@x.test',
    '"SeCrEt',
    '|SeCrEt',
    ':SeCrEt',
    'SeCrEt#',
  );
  const rest = fc.constantFrom('', ':1000:100:Fred:/home/fred:/bin/sh', ':x', ' x', ',', '\u0001', '\u0301');

  it.each(named)('is in no message, even if it is read as something else: %s', (_, format) => {
    fc.assert(
      fc.property(user, separators, secret, rest, (name, separator, password, more) => {
        const flaws = foundIn(read(format, `${name}${separator}${password}${more}\n`)).filter(
          (found) => found instanceof Object && 'flaw' in found,
        );
        expect(JSON.stringify(flaws)).not.toMatch(/SeCrEt|CrEt/);
      }),
      { numRuns: 300 },
    );
  });
});
