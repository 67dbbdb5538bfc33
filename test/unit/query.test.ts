import { describe, expect, it } from 'vitest';
import { type QueryName, queryNameOf, valueOf } from '../../src/store/asked.ts';
import { answerBy } from '../../src/store/driver/sql/answer.ts';
import { type Dialect, parseQuery } from '../../src/store/driver/sql/query.ts';
import type { Row } from '../../src/store/row.ts';
import type { Answer, Question } from '../../src/vocabulary.ts';

const mailbox: Question = {
  about: 'mailbox',
  local: 'a b',
  domain: 'x.example',
  exact: false,
  folder: null,
  anyCase: false,
};

function read(text: string, dialect: Dialect = 'postgresql'): unknown {
  const query = parseQuery('mailbox', text, dialect);
  return 'flaw' in query ? query.flaw : [query.parts, query.parameters];
}

describe('a query', () => {
  it.each<[string, string, unknown, Dialect?]>([
    [
      'is split at its parameters',
      'select 1 where a = :local and d=:domain ;',
      [
        ['select 1 where a = ', ' and d=', ''],
        ['local', 'domain'],
      ],
    ],
    [
      'may have a parameter twice',
      'select :local = :local',
      [
        ['select ', ' = ', ''],
        ['local', 'local'],
      ],
    ],
    ['may begin with WITH', 'WITH x as (select 1) select :local', [['WITH x as (select 1) select ', ''], ['local']]],
    [
      'keeps text in quotes',
      "select ':domain', ':x', \":y\", ''':z' where a = :local",
      [["select ':domain', ':x', \":y\", ''':z' where a = ", ''], ['local']],
    ],
    ['keeps a cast', 'select a::text where b = :local::text', [['select a::text where b = ', '::text'], ['local']]],
    ['keeps a slice', 'select a[1:2] where b = :local', [['select a[1:2] where b = ', ''], ['local']]],
    [
      'keeps a backslash at the end of a text of PostgreSQL',
      "select '\\' , :local",
      [["select '\\' , ", ''], ['local']],
    ],
    [
      'knows that a backslash escapes in MySQL',
      "select '\\' :domain', :local",
      [["select '\\' :domain', ", ''], ['local']],
      'mysql',
    ],
    ['has a parameter', 'select 1', 'has no parameter such as :local, so the answer would always be the same'],
    ['has no unknown parameter', 'select :detail', 'uses :detail, but may use only :local, :domain, :address'],
    ['is one statement', 'select :local; delete from users', 'is more than one statement'],
    ['is a SELECT', 'delete from users where a = :local', 'is not a SELECT'],
    ['is not empty', ' ', 'is not a SELECT'],
    [
      'has no limit that ends a search without an error',
      'select a where b = :local limit rows examined 9',
      'has ROWS EXAMINED, which ends a search without an error',
      'mysql',
    ],
    ['has no comment', 'select :local -- x', 'has a comment; remove it'],
    ['has no comment in the middle', 'select /* :domain */ :local', 'has a comment; remove it'],
    ['has no comment of MySQL', 'select :local # x', 'has a comment; remove it', 'mysql'],
  ])('%s', (_, text, expected, dialect) => {
    expect(read(text, dialect)).toEqual(expected);
  });

  it.each<[string, string, string | undefined, QueryName?, Dialect?]>([
    ['the first of two', 'select a where b = :local union all select c', 'select a where b = '],
    ['that has no parameter', 'select a union all select c where b = :local', 'select a '],
    ['unless there is only one', 'select a where b = :local', undefined],
    ['unless others join them', 'select a union select c where b = :local', undefined],
    ['unless something is about all of them', 'select a union all select c where b = :local limit 1', undefined],
    ['unless each row counts', 'select a where b = :local union all select c', undefined, 'alias'],
    ['unless a backslash may end a string', "select '\\' union all select c where b = :local", undefined],
    ['unless a dollar may begin a string', 'select $$ union all $$ where b = :local', undefined],
    [
      'of MySQL too',
      'select `union all` union all select c where b = :local',
      'select `union all` ',
      'mailbox',
      'mysql',
    ],
  ])('has a first SELECT: %s', (_, text, expected, name = 'mailbox', dialect = 'postgresql') => {
    const query = parseQuery(name, text, dialect);
    expect('flaw' in query ? query.flaw : query.first?.parts[0]).toBe(expected);
  });

  it.each<[string, string, string | undefined, Dialect?]>([
    ['LIMIT', 'select a where b = :local limit 1', 'LIMIT'],
    ['FETCH', 'select a where b = :local fetch first row only', 'FETCH'],
    ['DISTINCT', 'select distinct a where b = :local', 'DISTINCT'],
    ['GROUP BY', 'select a where b = :local group by a', 'GROUP'],
    ['UNION, which takes equal rows for one', 'select a where b = :local union select c', 'UNION'],
    ['a LIMIT inside', 'select a from (select a where b = :local limit 1) c', 'LIMIT'],
    ['an aggregate', 'select max(a) as address where b = :local', 'MAX'],
    ['nothing if it is plain', 'select a where b = :local', undefined],
    ['nothing by UNION ALL', 'select a where b = :local union  all select c', undefined],
    ['nothing by a word in a string or a name', 'select "limit" where b = \'limit 1\' and c = :local', undefined],
    ['nothing by a name in backticks', 'select `group` where b = :local', undefined, 'mysql'],
    ['nothing by a part of a word', 'select group_id, mailbox_limit where b = :local', undefined],
  ])('leaves rows out by %s', (_, text, word, dialect = 'postgresql') => {
    const query = parseQuery('mailbox', text, dialect);
    expect('flaw' in query ? query.flaw : query.leavesOut).toBe(word);
  });

  it.each<[string, string | undefined, Row[], Answer]>([
    ['finds who was asked for', 'LIMIT', [{ address: 'a b@x.example' }], { value: '', state: 'active' }],
    ['finds nobody', 'LIMIT', [], null],
    ['finds another name and leaves no row out', undefined, [{ address: 'á b@x.example' }], null],
  ])('is certain if it %s', (_, leavesOut, rows, answer) => {
    expect(answerBy({ ...(leavesOut !== undefined && { leavesOut }) }, mailbox, rows)).toEqual(answer);
  });

  it('that leaves rows out is in doubt if it finds another name only', () => {
    expect(() => answerBy({ leavesOut: 'LIMIT' }, mailbox, [{ address: 'á b@x.example' }])).toThrow(
      /^the query found another name, and its LIMIT may hide the right one/,
    );
  });

  it('is chosen by the question', () => {
    expect(queryNameOf(mailbox)).toBe('mailbox');
    expect(queryNameOf({ ...mailbox, folder: '' })).toBe('folder');
    expect(queryNameOf({ about: 'domain', domain: 'x' })).toBe('domain');
  });

  it('gets texts as parameters', () => {
    const folder: Question = { ...mailbox, folder: 'abc' };
    const texts = (['local', 'domain', 'address', 'detail'] as const).map((parameter) => valueOf(folder, parameter));
    expect(texts).toEqual(['a b', 'x.example', 'a b@x.example', 'abc']);
    expect(valueOf({ about: 'alias', local: '', domain: 'x.example', exact: false }, 'address')).toBe('@x.example');
    const key: Question = { about: 'key', table: 't', key: 'k', exact: false };
    expect([valueOf(key, 'table'), valueOf(key, 'key')]).toEqual(['t', 'k']);
    expect(valueOf({ about: 'domain', domain: 'x' }, 'domain')).toBe('x');
  });
});
