import type { SourceLine } from '../../format/lines.ts';
import type { ListReader } from '../../format/reader.ts';
import { NOUNS } from '../../record/record.ts';
import { createList, type List } from '../../store/driver/embedded/list.ts';
import { rangeOf } from '../../store/driver/embedded/range.ts';
import type { Records } from '../../store/driver/embedded/records.ts';
import type { Writer } from '../../store/driver/embedded/writer.ts';
import type { About } from '../../vocabulary.ts';
import { EXIT } from '../error.ts';
import { warn } from '../warn.ts';
import { type ChangeRules, withRecords, withDryRunStore } from './access.ts';
import { KINDS, type Scope, withinOf } from './kind.ts';
import { createProgress } from './progress.ts';
import { type RemovalLimit, mayRemove } from './removals.ts';
import { createRepeats } from './repeats.ts';
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
  /** Makes the store if this import may begin one. It is called when the list is open, and not for a dry run. */
  readonly begin: () => Promise<void>;
}

const PROGRESS_ITEMS = 10_000;
const MOST_SAID = 20; // bad lines

/**
 * Reads a list and sorts it, and then writes it into the store in one transaction, so others can write until then. Resolves
 * to 65 if a line was bad or the list was refused. Throws CliError if it cannot be read, or if the store fails.
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
  let progress = createProgress(source.size, several);
  const say = (text: string): void => {
    progress.clear();
    warn(`${source.name}${text}`);
  };
  /** Most lists are right, or wrong as a whole. */
  const sayBad = (text: string): void => {
    if (shown++ < MOST_SAID) say(text);
  };
  const done = { good: 0, bad: 0, added: 0, changed: 0, removed: 0 };
  const ofKind = { good: 0 }; // of the requested kind
  const whole = rules.strict || rules.replace;
  let refused = false;
  let unended = false;
  let shown = 0; // bad lines

  function* noting(lines: Iterable<SourceLine>): Generator<SourceLine> {
    for (const line of lines) {
      unended = line.unended === true;
      yield line;
    }
  }

  /** Says what is wrong with a place of the list. */
  const noteBad = (at: string, flaw: string): void => {
    done.bad++;
    sayBad(`${at}: ${flaw}`);
  };

  /** Reads all of the list. False if nothing of it may be written. */
  const readInto = (list: List): boolean => {
    for (const { at, found, bytesRead } of read(noting(source.lines()), source.name)) {
      if ('leftOut' in found) {
        say(`${at}: left out, because ${found.leftOut}`);
        continue;
      }
      if ('flaw' in found) noteBad(at, found.flaw);
      else if (!list.put(found, at)) noteBad(at, TOO_LONG);
      else count(found.about, 1);
      if ((done.good + done.bad) % PROGRESS_ITEMS === 0) progress.show(bytesRead, done.good);
    }
    if (unended && !rules.allowUnended) {
      say(`: ${UNENDED}${whole ? ' If it is complete, end that line, or give --allow-unended' : ''}`);
      if (whole) refused = true;
    }
    return !(whole && (refused || done.bad > 0));
  };
  const count = (kind: About, by: number): void => {
    done.good += by;
    if (kind === about) ofKind.good += by;
  };

  /** Writes the list. False if nothing of it may stay. */
  const change = (writer: Writer, list: List): boolean => {
    const repeats = createRepeats(MOST_SAID);
    const written = createProgress(done.good, `${several} written`);
    progress.clear();
    progress = written;
    let told = 0;
    const isEmpty = rules.replace && ofKind.good === 0 && !rules.allowEmpty;
    const range = rules.replace && !isEmpty ? rangeOf(about, withinOf(scope)) : null;
    const { going, of } = writer.putInOrder(list.inOrder(), range, (record, became) => {
      if (++told % PROGRESS_ITEMS === 0) written.show(told, told);
      if (became === 'changed') done.changed++;
      if (became === 'added') done.added++;
      if (became !== 'twice') return;
      count(record.about, -1);
      done.bad++;
      repeats.add(record);
    });
    for (const text of repeats.texts()) sayBad(text);
    done.removed = going;
    if (whole && done.bad > 0) return false;
    if (isEmpty) {
      say(`: has no ${one}, so all would be removed; if that is right, give --allow-empty`);
      refused = true;
    } else if (rules.replace && !mayRemove(going, of, rules)) {
      say(
        `: would add ${done.added}, change ${done.changed} and remove ${going} of ${of} ${several}: was the list cut off? If it is right, give --allow-removals ${going}`,
      );
      refused = true;
    }
    if (refused) return false;
    if (ofKind.good === 0 && rules.allowEmpty) writer.declare(about, scope.table);
    return !rules.dryRun;
  };

  try {
    const importInto = (store: Records, folder: string): boolean => {
      const list = createList(folder);
      try {
        return readInto(list) && store.write((writer) => change(writer, list));
      } finally {
        list.close();
      }
    };
    const work = (folder: string): Promise<boolean> =>
      withRecords(folder, 'write', (store) => importInto(store, folder), rules.waitMs);
    if (!rules.dryRun) await rules.begin();
    const written = await (rules.dryRun ? withDryRunStore(dir, work) : work(dir));
    progress.clear();
    if (done.bad > MOST_SAID) say(`: ${done.bad - MOST_SAID} more bad lines are not shown; is it the right --format?`);
    const { good, bad, added, changed, removed } = done;
    const unchanged = good - added - changed;
    const parts = `${added} added, ${changed} changed, ${unchanged} unchanged${rules.replace ? `, ${removed} removed` : ''}`;
    const said = rules.dryRun ? 'would be imported' : 'imported';
    const result = written || (rules.dryRun && !refused && !(bad > 0 && whole));
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

const UNENDED = 'its last line has no line feed: was it cut off?';

/** The flaw of a record that does not fit into the store. */
export const TOO_LONG = 'is longer than the store can hold';
