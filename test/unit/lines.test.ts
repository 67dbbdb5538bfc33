import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readLines } from '../../src/cli/keep/lines.ts';
import { temporaryFolders } from '../support/folder.ts';

const folder = temporaryFolders();

function linesOf(content: string | Buffer): (string | null)[] {
  const file = join(folder(), 'list');
  writeFileSync(file, content);
  const fd = openSync(file, 'r');
  try {
    return Array.from(readLines(fd), ({ text }) => text);
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
    ['carriage returns, which stay', 'a\r\nb', ['a\r', 'b']],
    ['UTF-8', 'jürgen\n', ['jürgen']],
  ])('are %s', (_, content, lines) => {
    expect(linesOf(content)).toEqual(lines);
  });

  it('are the same wherever a chunk ends, also within a character', () => {
    const lines = Array.from({ length: 30_000 }, (_, at) => `jürgen${at}@bücher.example`);
    expect(linesOf(lines.join('\n'))).toEqual(lines);
  });

  it('are null where they are not UTF-8', () => {
    expect(linesOf(Buffer.from('a\n\xe9\nb\n', 'latin1'))).toEqual(['a', null, 'b']);
  });

  it('end with a word where one has no end', () => {
    expect(() => linesOf(Buffer.alloc(2_000_000, 'x'))).toThrow('line 1 is over 1000000 bytes; is this a list?');
  });
});
