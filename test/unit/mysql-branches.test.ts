import { describe, expect, it } from 'vitest';
import { numbered } from '../../src/store/driver/mysql/branches.ts';

describe('the rows of a query get a number', () => {
  it.each([
    ['a SELECT', 'select a from t where b = ?', '(select 7 as smmap_n, a from t where b = ?)'],
    ['with any space', '\nSELECT\n a from t', '(select 7 as smmap_n,\n a from t)'],
    [
      'each SELECT that union all joins',
      'select a from t union all select b from u UNION  ALL select c',
      '(select 7 as smmap_n, a from t) union all (select 7 as smmap_n, b from u) union all (select 7 as smmap_n, c)',
    ],
    [
      'words in strings, names and parentheses count for nothing',
      "select 'it''s union all \\' order', `limit` from (select x from t union select y from u limit 1) v",
      "(select 7 as smmap_n, 'it''s union all \\' order', `limit` from (select x from t union select y from u limit 1) v)",
    ],
    ['all columns of one table', 'select t.* from t', '(select 7 as smmap_n, t.* from t)'],
  ])('%s', (_, text, expected) => {
    expect(numbered(text, 7)).toBe(expected);
  });

  it.each([
    'select * from t',
    'select distinct a from t',
    'select sql_no_cache a from t',
    'select a from t union select b from u',
    'select a from t union all select * from u',
    'select a from t union all select b from u order by a limit 1',
    'select a from t limit 1',
    'select a, count(*) from t group by 1',
    '(select a from t) union all (select b from u)',
    'with t as (select a from u) select a from t',
    'values (1)',
    'select a from t for update',
    'select "union all select" from t',
    "select'a' from t",
  ])('as a derived table: %s', (text) => {
    expect(numbered(text, 7)).toBe(`(select 7 as smmap_n, u.* from (${text}) u)`);
  });
});
