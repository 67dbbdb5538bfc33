import { closeSync, fstatSync, openSync } from 'node:fs';
import type { Flaw } from '../address/address.ts';
import { parseDomain } from '../address/domain.ts';
import { type CyrusOptions, parseCyrusList } from '../format/cyrus.ts';
import { type Mailbox, formatOwner, parseMailboxLine } from '../store/line.ts';
import { CliError, EXIT } from './error.ts';
import { readLines } from './lines.ts';

/** How the mailboxes of an import are written down: one a line, or as Cyrus dumps them. */
export type Format = { readonly kind: 'list' } | ({ readonly kind: 'cyrus' } & CyrusOptions);

export interface Item {
  /** Where in the source, to be written behind its name. */
  readonly at: string;
  readonly found: Mailbox | Flaw | { readonly leftOut: string };
  /** How much of the source was read up to here, in bytes. */
  readonly bytesRead: number;
}

export interface Source {
  /** As it is called in messages. */
  readonly name: string;
  /** In bytes, 0 where that is not known. */
  readonly size: number;
  /** Throws CliError where the whole of it is no good. */
  items(): Iterable<Item>;
  close(): void;
}

/** Makes a Format of options; throws CliError where they do not fit together. */
export function readFormat(kind: Format['kind'], domainText: string | null, separator: '/' | '.'): Format {
  if (kind === 'list') {
    if (domainText === null) return { kind };
    throw new CliError(EXIT.USAGE, '--default-domain is for --format cyrus; a line of a list has its own domain');
  }
  if (domainText === null) {
    throw new CliError(EXIT.USAGE, '--format cyrus needs --default-domain, which is not in the list but in imapd.conf');
  }
  const defaultDomain = parseDomain(domainText);
  if (defaultDomain === null) throw new CliError(EXIT.USAGE, `${domainText}: is no domain`);
  return { kind, defaultDomain, separator };
}

/** Opens a file, or standard input for `-`. */
export function openSource(file: string, format: Format): Source {
  const fd = file === '-' ? 0 : open(file);
  const name = file === '-' ? 'standard input' : file;
  return {
    name,
    size: fstatSync(fd).size,
    items: () => (format.kind === 'list' ? listItems(fd) : cyrusItems(fd, name, format)),
    close: () => {
      if (fd !== 0) closeSync(fd);
    },
  };
}

function open(file: string): number {
  try {
    return openSync(file, 'r');
  } catch (error) {
    throw new CliError(EXIT.IO, `${file}: cannot be read (${(error as Error).message})`);
  }
}

function* listItems(fd: number): Generator<Item> {
  for (const { number, text, bytesRead } of readLines(fd)) {
    const found = text === null ? NOT_UTF8 : parseMailboxLine(text);
    if (found !== null) yield { at: `:${number}`, found, bytesRead };
  }
}

/** All of it is read before anything is given out, since a list that was cut off would be wrong NOTFOUNDs. */
function* cyrusItems(fd: number, name: string, options: CyrusOptions): Generator<Item> {
  let bytesRead = 0;
  function* texts(): Generator<string> {
    for (const line of readLines(fd)) {
      if (line.text === null) throw new CliError(EXIT.DATA, `${name}:${line.number}: ${NOT_UTF8.flaw}`);
      ({ bytesRead } = line);
      yield line.text;
    }
  }
  const list = parseCyrusList(texts(), options);
  if ('flaw' in list) throw new CliError(EXIT.DATA, `${name}: ${list.flaw}`);
  for (const { name: entry, reason } of list.leftOut) yield { at: `: ${entry}`, found: { leftOut: reason }, bytesRead };
  for (const found of list.mailboxes) yield { at: `: ${formatOwner(found.local, found.domain)}`, found, bytesRead };
}

const NOT_UTF8: Flaw = { flaw: 'is not UTF-8' };
