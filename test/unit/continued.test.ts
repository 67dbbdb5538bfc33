import { describe, expect, it } from 'vitest';
import { type SourceLine, joinContinued } from '../../src/format/lines.ts';

/** Lines as a reader gives them, of ten bytes each. */
const numbered = (texts: readonly (string | null)[]): SourceLine[] =>
  texts.map((text, index) => ({ number: index + 1, text, bytesRead: (index + 1) * 10 }));

const join = (...texts: (string | null)[]): SourceLine[] => [...joinContinued(numbered(texts))];

const textsOf = (lines: SourceLine[]): (string | null)[] => lines.map(({ text }) => text);

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
    ['lose a carriage return at each end', ['a b,\r', ' c\r', '\r', 'd e\r'], ['a b, c', 'd e']],
    ['keep a carriage return within', ['a\rb'], ['a\rb']],
    ['keep their blank where they continue nothing', ['# top', '  a b', ' c', 'd e'], ['  a b c', 'd e']],
    ['keep a blank that is none in ASCII', ['a b', '\u00a0c d'], ['a b', '\u00a0c d']],
    ['are null where they are not UTF-8', ['a b', 'c d', null], ['a b', null]],
    ['are null where a part of them is not UTF-8', ['a b,', null, ' c', 'd e'], [null, 'd e']],
    ['are null from a first line that is not UTF-8', [null, ' c', 'd e'], [null, 'd e']],
    ['are none of nothing', [], []],
  ])('%s', (_, given, texts) => {
    expect(textsOf(join(...given))).toEqual(texts);
  });

  it('have the number of their first line, and were read to the end of their last', () => {
    expect(join('# top', 'a b,', '', ' c', '# between', 'd e')).toEqual([
      { number: 2, text: 'a b, c', bytesRead: 40 },
      { number: 6, text: 'd e', bytesRead: 60 },
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
