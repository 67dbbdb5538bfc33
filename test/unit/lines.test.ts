import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readLines } from '../../src/cli/records/lines.ts';
import type { SourceLine } from '../../src/format/lines.ts';
import { temporaryFolders } from '../support/folder.ts';

const folder = temporaryFolders();

function linesOf<T = string>(content: string | Buffer, take = ({ text }: SourceLine): unknown => text): T[] {
  const file = join(folder(), 'list');
  writeFileSync(file, content);
  const fd = openSync(file, 'r');
  try {
    return Array.from(readLines(fd), take) as T[];
  } finally {
    closeSync(fd);
  }
}

describe('the lines of a file', () => {
  it.each([
    ['none', '', []],
    ['one with its end', 'a\n', ['a']],
    ['one without its end', 'a', ['a']],
    ['empty ones', '\n\na\n\n', ['', '', 'a', '']],
    ['those of Windows', 'a\r\nb\r\n', ['a', 'b']],
    ['carriage returns at their end', 'a\r \r\r\n\r\r\nb\n', ['a\r \r', '\r', 'b']],
    ['those after a byte order mark', '\ufeffa\r\nb', ['a', 'b']],
    ['those of two files with byte order marks, put together', '\ufeffa\n\ufeffb\n', ['a', 'b']],
    ['a byte order mark inside', 'a\ufeffb\n', ['a\ufeffb']],
    ['UTF-8', 'jürgen\n', ['jürgen']],
  ])('are %s', (_, content, lines) => {
    expect(linesOf(content)).toEqual(lines);
  });

  it('are the same wherever a chunk ends, also within a character', () => {
    const lines = Array.from({ length: 30_000 }, (_, at) => `jürgen${at}@bücher.example`);
    expect(linesOf(lines.join('\n'))).toEqual(lines);
  });

  it('have their numbers and places, in chunks of ASCII and in others, with both line ends', () => {
    const lines = Array.from({ length: 40_000 }, (_, at) => (at % 20_000 < 3_000 ? `jürgen${at}` : `fred${at}`));
    let place = 0;
    let content = '';
    const wanted = lines.map((text, at) => {
      const written = text + (at % 3 === 0 ? '\r\n' : '\n');
      content += written;
      return { number: at + 1, text, isUtf8: true, isWhole: true, bytesRead: (place += Buffer.byteLength(written)) };
    });
    expect(linesOf(content, (line) => line)).toEqual(wanted);
    expect(linesOf('a\n\n\r\nb\r\r\nc', ({ text, unended }) => [text, unended])).toEqual([
      ['a', undefined],
      ['', undefined],
      ['', undefined],
      ['b\r', undefined],
      ['c', true],
    ]);
  });

  it('have a mark for each byte that is not UTF-8, and report it', () => {
    expect(linesOf(Buffer.from('a\n#\xe9 \xfc\nb\n', 'latin1'))).toEqual(['a', '#\ufffd \ufffd', 'b']);
    expect(linesOf(Buffer.from('a\n\xe9\nb\n', 'latin1'), ({ isUtf8 }) => isUtf8)).toEqual([true, false, true]);
  });

  it.each([
    ['little endian with a mark', '\ufefffred@example.org\r\n', false],
    ['little endian', 'fred@example.org\n', false],
    ['big endian with a mark', '\ufefffred@example.org\n', true],
    ['big endian', 'fred@example.org\n', true],
    ['only a mark', '\ufeff', false],
  ])('are refused if the file is UTF-16: %s', (_, text, isBigEndian) => {
    const bytes = Buffer.from(text, 'utf16le');
    const said = 'is UTF-16, or not a text; convert it first: iconv -f UTF-16 -t UTF-8';
    expect(() => linesOf(isBigEndian ? bytes.swap16() : bytes)).toThrow(said);
  });

  it.each([
    ['a NUL in a comment', 'a\n# \0\0\0c\nd\n', 'line 2 has a NUL: was a part of the file lost?'],
    ['a NUL behind letters that are not ASCII', 'a\nb # ü\0c\n', 'line 2 has a NUL: was a part of the file lost?'],
    ['a NUL in the last line', 'a\nb # \0', 'line 2 has a NUL: was a part of the file lost?'],
    ['a carriage return in a comment', 'a\nb\n# c\rd\ne\n', 'line 3 has a carriage return in it'],
    ['a carriage return in the first line', '# a\rb\r\n', 'line 1 has a carriage return in it'],
    ['a carriage return before letters that are not ASCII', 'a\n#\rjürgen\n', 'line 2 has a carriage return in it'],
  ])('are refused for %s, which may hide other lines', (_, content, said) => {
    expect(() => linesOf(content)).toThrow(said);
  });

  it('are refused if a line has no end', () => {
    expect(() => linesOf(Buffer.alloc(2_000_000, 'x'))).toThrow('line 1 is over 1000000 bytes; is this a list?');
  });
});
