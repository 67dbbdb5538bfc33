import type { StoredRecord } from '../../record/record.ts';
import type { Records } from '../../store/driver/embedded/records.ts';
import { warn, withRecords } from './access.ts';
import { EXIT } from '../error.ts';
import type { ListWriter } from './format.ts';
import { KINDS, type Scope, withinOf } from './kind.ts';
import { writeOutput } from './output.ts';
import { print } from './print.ts';

/** Where an export goes. */
export interface ExportRules {
  /** Null: standard output. */
  readonly output: string | null;
  /** Whether to leave out what the format cannot express. */
  readonly partial: boolean;
}

/**
 * Writes all records of a scope as a list. Resolves to 65 if the format cannot express a record that must not be left out: then
 * the file does not change. Throws CliError if it cannot be written, or if the store fails.
 */
export function exportAll(scope: Scope, writer: ListWriter, rules: ExportRules, dir: string): Promise<number> {
  return withRecords(dir, 'read', async (store) => {
    let missing = 0;
    function* lines(): Generator<string> {
      for (const record of recordsOf(store, scope, writer)) {
        const line = writer.line(record);
        if (typeof line === 'string') yield line;
        if (line === null || typeof line === 'string') continue;
        missing++;
        warn(line.flaw);
      }
    }
    const ordered = writer.sort === null ? lines() : writer.sort([...lines()]);
    const complete = (): boolean => missing === 0 || rules.partial;
    if (rules.output === null) {
      await print(ordered);
    } else if (!writeOutput(rules.output, ordered, complete)) {
      warn(
        `${rules.output}: not changed, because ${missing} records would be missing; to leave them out, give --partial`,
      );
    }
    return complete() ? 0 : EXIT.DATA;
  });
}

/** Alias domains come first, as in the examples of Postfix. A domain with a mailbox is not one: its mail would be refused. */
function* recordsOf(store: Records, scope: Scope, writer: ListWriter): Generator<StoredRecord> {
  if (writer.aliasDomains) {
    for (const domain of store.domains()) if (domain.class === 'alias') yield domain;
  }
  yield* store.all(KINDS[scope.kind].about, withinOf(scope));
}
