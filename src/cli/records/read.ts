import { parseCyrusList, type CyrusOptions } from '../../format/cyrus.ts';
import { ListError } from '../../format/lines.ts';
import { type ListReader, NOT_UTF8 } from '../../format/reader.ts';
import { nameOf } from '../../record/record.ts';
import { CliError, EXIT } from '../error.ts';
import { warn } from '../warn.ts';

/** A reader for a command: a mistake of a whole list becomes a CliError. */
export function forCommand(read: ListReader): ListReader {
  return function* reading(lines, name) {
    try {
      yield* read(lines, name);
    } catch (error) {
      throw error instanceof ListError ? new CliError(EXIT.DATA, error.message) : error;
    }
  };
}

/** Reads the list of Cyrus. Reads all of it before it returns a record, because a list that was cut off would cause wrong NOTFOUNDs. */
export function readerOfCyrus(options: CyrusOptions): ListReader {
  return function* read(lines, name) {
    let bytesRead = 0;
    function* texts(): Generator<string> {
      for (const line of lines) {
        if (!line.isUtf8) throw new CliError(EXIT.DATA, `${name}:${line.number}: ${NOT_UTF8.flaw}`);
        ({ bytesRead } = line);
        yield line.text;
      }
    }
    const list = parseCyrusList(texts(), options);
    if ('flaw' in list) throw new CliError(EXIT.DATA, `${name}: ${list.flaw}`);
    if (list.withoutDomains) warn(`${name}: ${WITHOUT_DOMAINS}`);
    for (const { name: entry, reason } of list.leftOut)
      yield { at: `: ${entry}`, found: { leftOut: reason }, bytesRead };
    for (const found of list.mailboxes) yield { at: `: ${nameOf(found)}`, found, bytesRead };
  };
}

const WITHOUT_DOMAINS =
  'the name of a user has an @, so imapd.conf has virtdomains: off, and Cyrus ignores the domain of an address; ' +
  'give the map local_domains = ["*"] (docs/cyrus.md)';
