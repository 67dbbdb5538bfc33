import { describe, expect, it } from 'vitest';
import { readBoolean } from '../../src/store/driver/postgresql/prepared.ts';
import { verdictOf } from '../../src/store/driver/postgresql/statement.ts';
import { QuestionError, ReplicaError, StoreError } from '../../src/store/store.ts';
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

describe('what is not active in PostgreSQL', () => {
  const [lags, other] = [new ReplicaError('a standby'), new QuestionError('another doubt')];
  const verdict = (state: string, doubt: StoreError | null) =>
    verdictOf({}, FRED, [{ smmap_found: true, address: 'fred@example.org', state }], doubt, false);

  it('is a doubt on a server that lags: it may be active on the primary', () => {
    expect(verdict('disabled', lags)).toBe(lags);
    expect(verdict('overquota', lags)).toBe(lags);
    expect(verdict('active', lags)).toEqual({ value: '', state: 'active' });
  });

  it('counts with another doubt, which is about absences only', () => {
    expect(verdict('disabled', other)).toEqual({ value: '', state: 'disabled' });
    expect(verdict('disabled', null)).toEqual({ value: '', state: 'disabled' });
  });
});

it.each(['', 'x', 'true', '0', 'T'])('the boolean %j is not false', (text) => {
  expect(() => readBoolean(text)).toThrow('PostgreSQL returned a row that its statement cannot have');
});
