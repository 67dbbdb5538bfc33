import { describe, expect, it } from 'vitest';
import type { Lookup } from '../../src/map/moment.ts';
import { createTableMap } from '../../src/map/table.ts';
import { formatReply } from '../../src/protocol/reply.ts';
import { type TableEntry, parseEntryLine } from '../../src/record/entry.ts';
import { createMemoryStore } from '../../src/store/driver/memory/driver.ts';

const LINES = [
  'to:fred@example.org ERROR:4.7.1:451 later',
  '+*@example.org error:5.1.1:550 gone away',
  '@example.org %1@example.com',
  'From:Spam@example.com REJECT',
  'J\u00f6rg OK',
];
const store = createMemoryStore(LINES.map((line) => parseEntryLine('access', line) as TableEntry));

describe('a table map', () => {
  it.each<[string, string | null, 'both' | 'none', string]>([
    ['a value unchanged', 'to:fred@example.org', 'both', 'OK ERROR:4.7.1:451 later'],
    ['a wildcard of Sendmail, which is a normal key', '+*@example.org', 'both', 'OK error:5.1.1:550 gone away'],
    ['a whole domain', '@example.org', 'both', 'OK %1@example.com'],
    ['a key in another case', 'TO:Fred@Example.org', 'both', 'OK ERROR:4.7.1:451 later'],
    ['a key that was written in capitals', 'from:spam@example.com', 'both', 'OK REJECT'],
    ['a key in its own case, if case counts', 'From:Spam@example.com', 'none', 'OK REJECT'],
    ['a key in another case, if case counts', 'from:spam@example.com', 'none', 'NOTFOUND '],
    ['a decomposed key', 'jo\u0308rg', 'both', 'OK OK'],
    ['nothing for a part of a key', 'fred@example.org', 'both', 'NOTFOUND '],
    ['nothing for a key with a detail', 'to:fred+x@example.org', 'both', 'NOTFOUND '],
    ['an empty key', '', 'both', 'NOTFOUND '],
    ['no UTF-8', null, 'both', 'NOTFOUND '],
  ])('answers %s', async (_, key, fold, reply) => {
    expect(formatReply(await createTableMap({ table: 'access', fold })(key, store), 1_000)).toBe(reply);
  });

  it('is uncertain in a table that does not exist', () => {
    expect(() => createTableMap({ table: 'virtuser', fold: 'both' })('fred', store)).toThrow(
      'there is no table virtuser',
    );
  });

  it('is uncertain for a key with an empty value', () => {
    const empty: Lookup = { lookup: () => ({ value: '', state: 'active' }) };
    expect(() => createTableMap({ table: 'access', fold: 'both' })('fred', empty)).toThrow(
      'the table access has an empty value for this key',
    );
  });
});
