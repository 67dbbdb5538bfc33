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
  /** Whether what the format cannot express may be missing. */
  readonly partial: boolean;
}

/**
 * Writes all of a scope as a list. Resolves to 65 where something could not be expressed and may not be missing: then a
 * file stays as it was. Throws CliError where it cannot be written, or the store fails.
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
      warn(`${rules.output}: stays as it was, since ${missing} would be missing; if that is right, give --partial`);
    }
    return complete() ? 0 : EXIT.DATA;
  });
}

/** Alias domains come first, as Postfix's own examples have them; one with a mailbox is none, and would refuse its mail. */
function* recordsOf(store: Records, scope: Scope, writer: ListWriter): Generator<StoredRecord> {
  if (writer.aliasDomains) {
    for (const domain of store.domains()) if (domain.class === 'alias') yield domain;
  }
  yield* store.all(KINDS[scope.kind].about, withinOf(scope));
}
