import { describe, expect, it } from 'vitest';
import { type SourceLine, LONGEST_LINE, joinContinued } from '../../src/format/lines.ts';

/** Lines as a reader gives them, of ten bytes each. */
const numbered = (texts: readonly string[]): SourceLine[] =>
  texts.map((text, index) => ({
    number: index + 1,
    text,
    isUtf8: !text.includes('\ufffd'),
    isWhole: true,
    bytesRead: (index + 1) * 10,
  }));

const join = (...texts: string[]): SourceLine[] => [...joinContinued(numbered(texts))];

const textsOf = (lines: Iterable<SourceLine>): string[] => Array.from(lines, ({ text }) => text);

describe('logical lines', () => {
  it.each([
    ['are the lines, where none starts with a blank', ['a b', 'c d'], ['a b', 'c d']],
    ['go on behind a blank', ['a b,', ' c,', '\td', 'e f'], ['a b, c,\td', 'e f']],
    ['go on behind an empty line', ['a b,', '', ' c'], ['a b, c']],
    ['go on behind a line of blanks', ['a b,', ' \t ', ' c'], ['a b, c']],
    ['go on behind a comment', ['a b,', '# no', ' c'], ['a b, c']],
    ['go on behind a comment that is indented', ['a b,', '  # no', ' c'], ['a b, c']],
    ['are not there where all is blank or comment', ['', '# a', ' \t', '  # b', '\r'], []],
    ['have a hash within', ['a #b', ' c#'], ['a #b c#']],
    ['keep a carriage return within', ['a\rb'], ['a\rb']],
    ['keep their blank where they continue nothing', ['# top', '  a b', ' c', 'd e'], ['  a b c', 'd e']],
    ['keep a blank that is none in ASCII', ['a b', '\u00a0c d'], ['a b', '\u00a0c d']],
    ['end in a backslash that Postfix keeps', ['a b,\\', ' c'], ['a b,\\ c']],
    ['are none of nothing', [], []],
  ])('%s', (_, given, texts) => {
    expect(textsOf(join(...given))).toEqual(texts);
  });

  it.each([
    ['goes on with the next, whatever it starts with', ['a: b,\\', 'c', 'd: e'], ['a: b,c', 'd: e']],
    ['goes on with a blank as well', ['a: b,\\', '\tc,\\', '  d', 'e: f'], ['a: b,\tc,  d', 'e: f']],
    ['goes on with what would be a comment', ['a: b,\\', '#c'], ['a: b,#c']],
    ['goes on with an empty line, and ends there', ['a: b\\', '', 'c: d'], ['a: b', 'c: d']],
    ['goes on with nothing at the end of the file', ['a: b\\'], ['a: b']],
    ['is a comment, and goes on with nothing', ['# a\\', 'b: c'], ['b: c']],
  ])('that %s, where a backslash ends a line of Sendmail', (_, given, texts) => {
    expect(textsOf(joinContinued(numbered(given), true))).toEqual(texts);
  });

  it.each([
    ['none of it', ['a b', '# \ufffd', ' c'], [true]],
    ['a comment within', ['a b', '  # \ufffd', ' c', 'd'], [true, true]],
    ['its first line', ['\ufffd', ' c', 'd'], [false, true]],
    ['what continues it', ['a', ' \ufffd', 'd'], [false, true]],
  ])('say that they are not UTF-8 where %s is not', (_, given, isUtf8) => {
    expect(join(...given).map((line) => line.isUtf8)).toEqual(isUtf8);
  });

  it.each([
    ['a million short ones', ' c', 1_000_000],
    ['empty ones behind a backslash', '\\', 2_000_000],
    ['a few long ones', ` ${'c'.repeat(400_000)}`, 5],
  ])('are given out as soon as they are too long, also of %s', (_, text, count) => {
    const lines = joinContinued(numbered(['a b\\', ...Array.from({ length: count }, () => text)]), true);
    const [first] = lines;
    expect(first?.isWhole).toBe(false);
    expect(first?.text.length ?? 0).toBeLessThan(2 * LONGEST_LINE);
    expect(first?.bytesRead ?? 0).toBeLessThan(count * 10);
  });

  it('have the number of their first line, and were read to the end of their last', () => {
    expect(join('# top', 'a b,', '', ' c', '# between', 'd e')).toEqual([
      { number: 2, text: 'a b, c', isUtf8: true, isWhole: true, bytesRead: 40 },
      { number: 6, text: 'd e', isUtf8: true, isWhole: true, bytesRead: 60 },
    ]);
  });

  it('are given out as they are complete, so that a file is never held as a whole', () => {
    const lines = joinContinued(
      (function* () {
        yield* numbered(['a b', 'c d']);
        throw new Error('read too far');
      })(),
    );
    expect(lines.next().value).toMatchObject({ number: 1, text: 'a b' });
  });
});
