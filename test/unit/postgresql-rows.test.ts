import { describe, expect, it } from 'vitest';
import { readBoolean } from '../../src/store/driver/postgresql/prepared.ts';
import { verdictOf } from '../../src/store/driver/postgresql/statement.ts';
import { StoreError } from '../../src/store/store.ts';
import type { Question } from '../../src/vocabulary.ts';

const FRED: Question = {
  about: 'mailbox',
  local: 'fred',
  domain: 'example.org',
  exact: false,
  folder: null,
  anyCase: false,
};

describe('an absence in PostgreSQL', () => {
  it('is a row in which nothing was found', () => {
    expect(verdictOf({}, FRED, [{ smmap_found: null }], null, false)).toBeNull();
  });

  it.each([[{ smmap_found: false }], [{ smmap_found: 't' }], [{}]])('is not %j', (row) => {
    expect(verdictOf({}, FRED, [row], null, false)).toBeInstanceOf(StoreError);
  });
});

it.each(['', 'x', 'true', '0', 'T'])('the boolean %j is not false', (text) => {
  expect(() => readBoolean(text)).toThrow('PostgreSQL returned a row that its statement cannot have');
});
