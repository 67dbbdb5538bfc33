import type { StoredRecord } from '../../../record/record.ts';
import type { StoreConfig } from '../../../config/config.ts';
import { type Context, complain, parsedBy, z } from '../../../toml/type.ts';
import * as value from '../../../toml/value.ts';

/** Stores without a server: the embedded one, and what stands in the configuration itself. */

const ENTRIES = 'lines that `smmap table import` reads, such as "example.com REJECT"';

export const embedded = z
  .strictObject({ driver: z.string(), path: parsedBy('the absolute path of a folder', value.absolutePath) })
  .transform((raw): StoreConfig => ({ driver: 'embedded', path: raw.path }));

export const memory = z
  .strictObject({
    driver: z.string(),
    mailboxes: listOf(`lines that \`smmap mailbox import\` reads, such as "fred@example.org"`, value.mailboxLine),
    aliases: listOf(
      `lines that \`smmap alias import\` reads, such as "info@example.org fred@example.org"`,
      value.aliasLine,
    ),
    domains: listOf(`lines that \`smmap domain import\` reads, such as "example.org relay"`, value.domainLine),
    tables: z
      .record(z.string(), z.array(z.string()).describe(ENTRIES))
      .transform(entriesOf)
      .default([])
      .describe('{ access = ["example.com REJECT"] }'),
  })
  .transform((raw, context): StoreConfig => {
    const records = [raw.mailboxes, raw.aliases, raw.domains, raw.tables].flat();
    const remedy = 'give it mailboxes, aliases, domains or tables';
    if (records.length === 0) complain(context, [{ key: '', reason: 'holds nothing', remedy }]);
    return { driver: 'memory', records };
  });

/** Records of a store that stand in this file; without any, nobody could be certain that nobody exists. */
function listOf(what: string, parse: (line: string) => StoredRecord) {
  return z.array(parsedBy(what, parse)).default([]).describe(`at least one of the ${what}`);
}

function entriesOf(raw: Readonly<Record<string, readonly string[]>>, context: Context): StoredRecord[] {
  const parse = (table: string, line: string, at: number): StoredRecord[] => {
    try {
      return [value.entryLine(value.tableName(table))(line)];
    } catch (error) {
      context.addIssue({ code: 'custom', path: [table, at], message: (error as Error).message });
      return [];
    }
  };
  return Object.entries(raw).flatMap(([table, lines]) => lines.flatMap((line, at) => parse(table, line, at)));
}
