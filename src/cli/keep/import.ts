import { keyOf, nameOf, NOUNS, type StoredRecord } from '../../store/record/record.ts';
import { warn, withRecords } from './access.ts';
import { EXIT } from '../error.ts';
import type { ListReader } from './format.ts';
import { KINDS, type Scope, withinOf } from './kind.ts';
import { createProgress } from './progress.ts';
import { openSource } from './source.ts';

export interface ImportRules {
  /** Whether one bad line is enough to import nothing. */
  readonly strict: boolean;
  /** Whether the list is all there is, so that what is not in it is removed; strict by its nature. */
  readonly replace: boolean;
  /** Whether a list without any record is right, and says that there are none. */
  readonly allowEmpty: boolean;
}

const PROGRESS_ITEMS = 10_000;

/**
 * Reads a list into the store, in one transaction. Resolves to 65 where a line was bad, or the list was refused; throws
 * CliError where it cannot be read, or the store fails.
 */
export async function importFile(
  scope: Scope,
  file: string,
  read: ListReader,
  rules: ImportRules,
  dir: string,
): Promise<number> {
  const { about } = KINDS[scope.kind];
  const [one, several] = NOUNS[about];
  const source = openSource(file);
  const progress = createProgress(source.size, several);
  const say = (text: string): void => {
    progress.clear();
    warn(`${source.name}${text}`);
  };
  let good = 0;
  let bad = 0;
  let own = 0; // of the good ones, those of the kind that was asked for
  let refused = false;
  const repeats = createRepeats();
  try {
    const written = await withRecords(dir, 'write', (store) =>
      store.write((writer) => {
        if (rules.replace) writer.clear(about, withinOf(scope));
        for (const { at, found, bytesRead } of read(source.lines(), source.name)) {
          if ('leftOut' in found) {
            say(`${at}: left out, since ${found.leftOut}`);
            continue;
          }
          const flaw = 'flaw' in found ? found.flaw : (repeats(found) ?? (writer.put(found) ? null : TOO_LONG));
          if (flaw === null) {
            good++;
            if ('about' in found && found.about === about) own++;
          } else {
            bad++;
            say(`${at}: ${flaw}`);
          }
          if ((good + bad) % PROGRESS_ITEMS === 0) progress.show(bytesRead, good);
        }
        if (bad > 0) return !(rules.strict || rules.replace);
        if (own === 0 && rules.allowEmpty) writer.declare(about, scope.table);
        refused = own === 0 && rules.replace && !rules.allowEmpty;
        return !refused;
      }),
    );
    progress.clear();
    if (refused) say(`: has no ${one}, so that all would be removed; if that is right, give --allow-empty`);
    warn(`${written ? `${good} imported` : 'nothing imported'}${bad > 0 ? `, ${bad} bad` : ''}`);
    return bad > 0 || refused ? EXIT.DATA : 0;
  } finally {
    source.close();
  }
}

/**
 * Finds what a list says twice. Mail servers take the first of two such lines and here the last would stay, so whoever wrote
 * them has to say which is meant; mailboxes merely are there, and a list of them may be too long to be remembered.
 */
function createRepeats(): (record: StoredRecord) => string | null {
  const said = new Set<string>();
  return (record) => {
    if (record.about === 'mailbox') return null;
    const key = keyOf(record);
    if (said.has(key)) return `${nameOf(record)}: is in the list already, further up`;
    said.add(key);
    return null;
  };
}

/** What a store says no to. */
export const TOO_LONG = 'is longer than the store can hold';
