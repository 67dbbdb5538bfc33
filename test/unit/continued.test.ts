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
    ['are the lines, if none starts with a blank', ['a b', 'c d'], ['a b', 'c d']],
    ['continue after a blank', ['a b,', ' c,', '\td', 'e f'], ['a b, c,\td', 'e f']],
    ['continue after an empty line', ['a b,', '', ' c'], ['a b, c']],
    ['continue after a line of blanks', ['a b,', ' \t ', ' c'], ['a b, c']],
    ['continue after a comment', ['a b,', '# no', ' c'], ['a b, c']],
    ['continue after an indented comment', ['a b,', '  # no', ' c'], ['a b, c']],
    ['are absent if all lines are blank or comments', ['', '# a', ' \t', '  # b', '\r'], []],
    ['may contain a hash', ['a #b', ' c#'], ['a #b c#']],
    ['may contain a carriage return', ['a\rb'], ['a\rb']],
    ['keep their blank if there is no line to continue', ['# top', '  a b', ' c', 'd e'], ['  a b c', 'd e']],
    ['keep a blank that is not ASCII', ['a b', '\u00a0c d'], ['a b', '\u00a0c d']],
    ['end in a backslash that Postfix keeps', ['a b,\\', ' c'], ['a b,\\ c']],
    ['are none in an empty file', [], []],
  ])('%s', (_, given, texts) => {
    expect(textsOf(join(...given))).toEqual(texts);
  });

  it.each([
    ['continues on the next, whatever that starts with', ['a: b,\\', 'c', 'd: e'], ['a: b,c', 'd: e']],
    ['continues also after a blank', ['a: b,\\', '\tc,\\', '  d', 'e: f'], ['a: b,\tc,  d', 'e: f']],
    ['continues also with a #', ['a: b,\\', '#c'], ['a: b,#c']],
    ['continues on an empty line, and ends there', ['a: b\\', '', 'c: d'], ['a: b', 'c: d']],
    ['ends at the end of the file', ['a: b\\'], ['a: b']],
    ['is a comment, and does not continue', ['# a\\', 'b: c'], ['b: c']],
  ])('a line of Sendmail that ends in a backslash %s', (_, given, texts) => {
    expect(textsOf(joinContinued(numbered(given), true))).toEqual(texts);
  });

  it.each([
    ['none of it', ['a b', '# \ufffd', ' c'], [true]],
    ['a comment inside', ['a b', '  # \ufffd', ' c', 'd'], [true, true]],
    ['its first line', ['\ufffd', ' c', 'd'], [false, true]],
    ['its continuation', ['a', ' \ufffd', 'd'], [false, true]],
  ])('report that they are not UTF-8 if this is not: %s', (_, given, isUtf8) => {
    expect(join(...given).map((line) => line.isUtf8)).toEqual(isUtf8);
  });

  it.each([
    ['a million short ones', ' c', 1_000_000],
    ['empty ones after a backslash', '\\', 2_000_000],
    ['a few long ones', ` ${'c'.repeat(400_000)}`, 5],
  ])('are returned as soon as they are too long: %s', (_, text, count) => {
    const lines = joinContinued(numbered(['a b\\', ...Array.from({ length: count }, () => text)]), true);
    const [first] = lines;
    expect(first?.isWhole).toBe(false);
    expect(first?.text.length ?? 0).toBeLessThan(2 * LONGEST_LINE);
    expect(first?.bytesRead ?? 0).toBeLessThan(count * 10);
  });

  it('have the number of their first line, and the position after their last', () => {
    expect(join('# top', 'a b,', '', ' c', '# between', 'd e')).toEqual([
      { number: 2, text: 'a b, c', isUtf8: true, isWhole: true, bytesRead: 40 },
      { number: 6, text: 'd e', isUtf8: true, isWhole: true, bytesRead: 60 },
    ]);
  });

  it('are returned when they are complete, so the whole file is never in memory', () => {
    const lines = joinContinued(
      (function* () {
        yield* numbered(['a b', 'c d']);
        throw new Error('read too far');
      })(),
    );
    expect(lines.next().value).toMatchObject({ number: 1, text: 'a b' });
  });
});
