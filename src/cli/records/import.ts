import { quoted } from '../../address/written.ts';
import type { SourceLine } from '../../format/lines.ts';
import type { ListReader } from '../../format/reader.ts';
import { keyOf, nameOf, NOUNS, type StoredRecord } from '../../record/record.ts';
import type { OrderedWriter, Writer } from '../../store/driver/embedded/writer.ts';
import { EXIT } from '../error.ts';
import { warn } from '../warn.ts';
import { type ChangeRules, withRecords, withDryRunStore } from './access.ts';
import { KINDS, type Scope, withinOf } from './kind.ts';
import { createProgress } from './progress.ts';
import { type RemovalLimit, mayRemove } from './removals.ts';
import { openSource } from './source.ts';

export interface ImportRules extends RemovalLimit, ChangeRules {
  /** Whether nothing is imported if one line is bad. */
  readonly strict: boolean;
  /** Whether the list is complete, so that records which are not in it are removed. This is always strict. */
  readonly replace: boolean;
  /** Whether an empty list is accepted; it says that there are no records. */
  readonly allowEmpty: boolean;
  /** Whether a strict import accepts a last line without a line feed. */
  readonly allowUnended: boolean;
  /** Whether to print what would be done, and change nothing. */
  readonly dryRun: boolean;
}

const PROGRESS_ITEMS = 10_000;
const MOST_SAID = 20; // bad lines

/**
 * Reads a list into the store, in one transaction. Resolves to 65 if a line was bad or the list was refused. Throws CliError if
 * it cannot be read, or if the store fails.
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
  /** Most lists are right, or wrong as a whole. */
  const sayBad = (text: string): void => {
    if (done.bad <= MOST_SAID) say(text);
  };
  const done = { good: 0, bad: 0, added: 0, changed: 0, removed: 0 };
  const ofKind = { good: 0, added: 0 }; // of the requested kind
  const keys = new Set<string>();
  let refused = false;
  let unended = false;

  function* noting(lines: Iterable<SourceLine>): Generator<SourceLine> {
    for (const line of lines) {
      unended = line.unended === true;
      yield line;
    }
  }

  /** Takes a record to be written. Returns what is wrong with it, or null. */
  const put = (record: StoredRecord, writer: OrderedWriter): string | null => {
    if (isRepeat(record, keys, rules.replace)) return `${quoted(nameOf(record))}is in the list twice`;
    if (!writer.put(record)) return TOO_LONG;
    if (record.about === about) ofKind.good++;
    return null;
  };

  const change = (writer: Writer): boolean => {
    const ordered = writer.inOrder((kind, became) => {
      if (became === 'changed') done.changed++;
      if (became !== 'added') return;
      done.added++;
      if (kind === about) ofKind.added++;
    });
    for (const { at, found, bytesRead } of read(noting(source.lines()), source.name)) {
      if ('leftOut' in found) {
        say(`${at}: left out, because ${found.leftOut}`);
        continue;
      }
      const flaw = 'flaw' in found ? found.flaw : put(found, ordered);
      if (flaw === null) {
        done.good++;
      } else {
        done.bad++;
        sayBad(`${at}: ${flaw}`);
      }
      if ((done.good + done.bad) % PROGRESS_ITEMS === 0) progress.show(bytesRead, done.good);
    }
    const whole = rules.strict || rules.replace;
    if (unended && !rules.allowUnended) {
      say(`: ${UNENDED}${whole ? ' If it is complete, end that line, or give --allow-unended' : ''}`);
      if (whole) refused = true;
    }
    if (whole && (refused || done.bad > 0)) return false;
    ordered.finish();
    if (rules.replace && ofKind.good === 0 && !rules.allowEmpty) {
      say(`: has no ${one}, so all would be removed; if that is right, give --allow-empty`);
      refused = true;
    } else if (rules.replace) {
      refused = !writer.keepOnly(about, withinOf(scope), keys, (going, all) => {
        const before = all - ofKind.added;
        done.removed = going;
        if (mayRemove(going, before, rules)) return true;
        say(
          `: would add ${done.added}, change ${done.changed} and remove ${going} of ${before} ${several}: was the list cut off? If it is right, give --allow-removals ${going}`,
        );
        return false;
      });
    }
    if (refused) return false;
    if (ofKind.good === 0 && rules.allowEmpty) writer.declare(about, scope.table);
    return !rules.dryRun;
  };

  try {
    const work = (folder: string): Promise<boolean> =>
      withRecords(folder, 'write', (store) => store.write((writer) => change(writer)), rules.waitMs);
    const written = await (rules.dryRun ? withDryRunStore(dir, work) : work(dir));
    progress.clear();
    if (done.bad > MOST_SAID) say(`: ${done.bad - MOST_SAID} more bad lines are not shown; is it the right --format?`);
    const { good, bad, added, changed, removed } = done;
    const unchanged = good - added - changed;
    const parts = `${added} added, ${changed} changed, ${unchanged} unchanged${rules.replace ? `, ${removed} removed` : ''}`;
    const said = rules.dryRun ? 'would be imported' : 'imported';
    const result = written || (rules.dryRun && !refused && !(bad > 0 && (rules.strict || rules.replace)));
    warn(`${result ? `${good} ${said}: ${parts}` : `nothing ${said}`}${bad > 0 ? `, ${bad} bad` : ''}`);
    if (rules.json) {
      const none = { added: 0, changed: 0, removed: 0, unchanged: 0 };
      const counts = { added, changed, removed, unchanged };
      process.stdout.write(`${JSON.stringify({ ...(result ? counts : none), bad, written })}\n`);
    }
    return bad > 0 || refused ? EXIT.DATA : 0;
  } finally {
    source.close();
  }
}

/**
 * Whether a list has a record twice. Mail servers use the first of two such lines, and here the last would win, so the author
 * must decide. A mailbox may be listed twice. Its key is remembered only if the other mailboxes will be removed.
 */
function isRepeat(record: StoredRecord, keys: Set<string>, replace: boolean): boolean {
  const isMailbox = record.about === 'mailbox';
  if (isMailbox && !replace) return false;
  const key = keyOf(record);
  if (keys.has(key)) return !isMailbox;
  keys.add(key);
  return false;
}

const UNENDED = 'its last line has no line feed: was it cut off?';

/** The flaw of a record that does not fit into the store. */
export const TOO_LONG = 'is longer than the store can hold';
