import type { Flaw } from '../../../address/address.ts';
import { parseAliasLine } from '../../../record/alias.ts';
import { parseDomainLine } from '../../../record/domain.ts';
import { parseEntryLine } from '../../../record/entry.ts';
import { parseMailboxLine } from '../../../record/mailbox.ts';
import type { StoredRecord } from '../../../record/record.ts';
import { type Context, complain, parsedBy, section, z } from '../../../toml/type.ts';
import * as value from '../../../toml/value.ts';
import type { Driver, StoreConfig } from '../../driver.ts';
import { storeKeys } from '../../guard/keys.ts';

/** The configuration of a memory store. */
export interface MemoryConfig extends StoreConfig {
  readonly records: readonly StoredRecord[];
}

const ENTRIES = 'lines that `smmap table import` reads, such as "example.com REJECT"';

const keys = section({
  ...storeKeys,
  mailboxes: listOf('lines that `smmap mailbox import` reads, such as "fred@example.org"', parseMailboxLine),
  aliases: listOf('lines that `smmap alias import` reads, such as "info@example.org fred@example.org"', parseAliasLine),
  domains: listOf('lines that `smmap domain import` reads, such as "example.org relay"', parseDomainLine),
  tables: z
    .record(z.array(z.string()).describe(ENTRIES))
    .transform(entriesOf)
    .prefault({})
    .describe('{ access = ["example.com REJECT"] }'),
}).transform(({ driver, mailboxes, aliases, domains, tables }, context): MemoryConfig => {
  const records = [mailboxes, aliases, domains, tables].flat();
  const remedy = 'give it mailboxes, aliases, domains or tables';
  // A store that was never filled could not be certain of any absence.
  if (records.length === 0) complain(context, [{ key: '', reason: 'has no records', remedy }]);
  return { driver, records };
});

/** The driver for records in the configuration file itself. */
export const memory: Driver<MemoryConfig> = {
  package: null,
  keys,
  answers: ({ records }, question) =>
    question.about === 'domain' ||
    records.some((record) =>
      record.about === 'key' && question.about === 'key'
        ? record.table === question.table
        : record.about === question.about,
    ),
  canary: () => 'not needed',
  records: {
    missing: () => null,
    all: ({ records }, about, table) =>
      records.filter((record) => record.about === about && (record.about !== 'key' || record.table === table)),
  },
  load: () => import('./driver.ts'),
  async open({ records }) {
    const { createMemoryStore } = await import('./driver.ts');
    return { store: createMemoryStore(records) };
  },
};

function listOf(what: string, parse: (line: string) => StoredRecord | Flaw | null) {
  return z
    .array(parsedBy(what, (line) => recordOf(line, parse)))
    .default([])
    .describe(`at least one of the ${what}`);
}

function entriesOf(raw: Readonly<Record<string, readonly string[]>>, context: Context): StoredRecord[] {
  const parse = (table: string, line: string, at: number): StoredRecord[] => {
    try {
      return [recordOf(line, (text) => parseEntryLine(value.tableName(table), text))];
    } catch (error) {
      context.add([table, String(at)], (error as Error).message);
      return [];
    }
  };
  return Object.entries(raw).flatMap(([table, lines]) => lines.flatMap((line, at) => parse(table, line, at)));
}

function recordOf(line: string, parse: (line: string) => StoredRecord | Flaw | null): StoredRecord {
  const found = parse(line);
  if (found === null) throw new Error(`"${line}" contains no record`);
  if ('flaw' in found) throw new Error(found.flaw);
  return found;
}
