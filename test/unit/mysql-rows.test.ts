import { describe, expect, it } from 'vitest';
import { rowsByQuestion } from '../../src/store/driver/mysql/statement.ts';
import { StoreError } from '../../src/store/store.ts';

const COLUMNS = ['smmap_n', 'address'];
const sort = (...places: readonly unknown[]): unknown =>
  rowsByQuestion(
    COLUMNS,
    places.map((place) => [place, 'a@b']),
    { asked: 2, size: 4 },
  ).map((rows) => rows.length);

describe('the rows of a union', () => {
  it('go to their questions, and those of a branch that repeats the last question to none', () => {
    expect(sort(0, 1, 1, 3)).toEqual([1, 2]);
  });

  it.each([4, -1, 0.5, Number.NaN, '0', null, undefined])('fail together if one belongs to question %s', (place) => {
    expect(() => sort(0, place)).toThrow(StoreError);
  });
});
