import type { Flaw } from '../../address/address.ts';
import { parseDomain } from '../../address/domain.ts';
import { parseAliasesLine } from '../../format/aliases.ts';
import { parseCyrusList } from '../../format/cyrus.ts';
import { type SourceLine, joinContinued } from '../../format/lines.ts';
import { parsePasswdLine } from '../../format/passwd.ts';
import { formatVirtualLine, parseVirtualLine } from '../../format/virtual.ts';
import { formatVirtusertableLine, parseVirtusertableLine } from '../../format/virtusertable.ts';
import { formatFqdnAlias, formatFqdnRoute, sortLines } from '../../format/zmailer.ts';
import type { Alias } from '../../store/record/alias.ts';
import { parseDomainLine } from '../../store/record/domain.ts';
import { parseEntryLine } from '../../store/record/entry.ts';
import { parseMailboxLine } from '../../store/record/mailbox.ts';
import { formatLine, nameOf, type StoredRecord } from '../../store/record/record.ts';
import { CliError, EXIT } from '../error.ts';
import type { ExportName, ImportName, KindName, Scope } from './kind.ts';

/** One record of a list, or what is wrong with it. */
export interface Item {
  /** Where in the source, to be written behind its name. */
  readonly at: string;
  readonly found: StoredRecord | Flaw | { readonly leftOut: string };
  /** How much of the source was read up to here, in bytes. */
  readonly bytesRead: number;
}

/** Reads a list. Throws CliError where the whole of it is no good; `name` is that of its source. */
export type ListReader = (lines: Iterable<SourceLine>, name: string) => Iterable<Item>;

/** Writes a list. */
export interface ListWriter {
  /** One line; null for what has no place in such a list, a Flaw for what it cannot express. */
  line(record: StoredRecord): string | Flaw | null;
  /** Puts the lines in order where the order matters; null where it does not. */
  readonly sort: ((lines: readonly string[]) => string[]) | null;
  /** Whether domains that have aliases only stand in it too. */
  readonly aliasDomains: boolean;
}

/** The options that only some formats have, as they were given; "" for one without a value. */
export type FormatOptions = Readonly<Partial<Record<OptionName, string | undefined>>>;
type OptionName = '--default-domain' | '--separator' | '--replace' | '--allow-empty' | '--route';

/** How lists of a format are read or written, once its options are known. */
interface Choice<T> {
  readonly takes: readonly OptionName[];
  /** Options that it cannot do without, and why. */
  readonly needs?: FormatOptions;
  readonly make: (options: FormatOptions, table: string) => T;
}

/** Finds how to read a list; throws CliError for an option that does not go with the format, or is missing. */
export function readerFor({ kind, table }: Scope, format: string, options: FormatOptions): ListReader {
  return choose<ListReader>(READERS[kind], format, options, table);
}

/** Finds how to write a list; throws CliError as readerFor does. */
export function writerFor({ kind, table }: Scope, format: string, options: FormatOptions): ListWriter {
  return choose<ListWriter>(WRITERS[kind], format, options, table);
}

function choose<T>(
  choices: Readonly<Record<string, Choice<T>>>,
  format: string,
  given: FormatOptions,
  table: string,
): T {
  const choice = choices[format];
  if (choice === undefined) throw new CliError(EXIT.USAGE, `${format}: is none of ${Object.keys(choices).join(', ')}`);
  const { takes, needs = {}, make } = choice;
  for (const option of Object.keys(given) as OptionName[]) {
    if (given[option] === undefined || takes.includes(option)) continue;
    const others = Object.keys(choices).filter((name) => choices[name]?.takes.includes(option));
    throw new CliError(EXIT.USAGE, `${option} does not go with --format ${format}, but with ${others.join(', ')}`);
  }
  for (const [option, reason] of Object.entries(needs)) {
    if (given[option as OptionName] !== undefined) continue;
    throw new CliError(EXIT.USAGE, `--format ${format} needs ${option}: ${reason}`);
  }
  return make(given, table);
}

/** What goes with every list that says itself where it ends. */
const WHOLE: readonly OptionName[] = ['--replace', '--allow-empty'];

const READERS: { readonly [K in KindName]: Readonly<Record<ImportName<K>, Choice<ListReader>>> } = {
  mailbox: {
    list: { takes: WHOLE, make: () => byLine(parseMailboxLine) },
    // Its dump may end early without a sign (docs/cyrus.md), so it is never all there is.
    cyrus: {
      takes: ['--default-domain', '--separator'],
      needs: { '--default-domain': 'it is not in the list, but in imapd.conf (defaultdomain)' },
      make: readerOfCyrus,
    },
    passwd: passwd('passwd'),
    dovecot: passwd('dovecot'),
  },
  alias: {
    virtual: {
      takes: ['--default-domain', ...WHOLE],
      make: (options) => {
        const domain = domainIn(options);
        return byLogicalLine((text) => parseVirtualLine(text, domain));
      },
    },
    virtusertable: { takes: WHOLE, make: () => byLine(parseVirtusertableLine) },
    aliases: {
      takes: ['--default-domain', ...WHOLE],
      needs: { '--default-domain': 'the names in such a file have no domain' },
      make: (options) => {
        const domain = domainIn(options) as string;
        return byLogicalLine((text) => parseAliasesLine(text, domain));
      },
    },
  },
  domain: { list: { takes: WHOLE, make: () => byLine(parseDomainLine) } },
  table: {
    makemap: { takes: WHOLE, make: (_, table) => byLine((text) => parseEntryLine(table, text)) },
    postmap: { takes: WHOLE, make: (_, table) => byLogicalLine((text) => parseEntryLine(table, text)) },
  },
};

const LINES: ListWriter = { line: formatLine, sort: null, aliasDomains: false };

const WRITERS: { readonly [K in KindName]: Readonly<Record<ExportName<K>, Choice<ListWriter>>> } = {
  mailbox: {
    list: { takes: [], make: () => LINES },
    fqdnroutes: {
      takes: ['--route'],
      needs: { '--route': "it is what stands behind each address, such as 'smtp-lmtp!localhost!%u%2'" },
      make: ({ '--route': route = '' }) => ({
        ...LINES,
        line: (record) => (record.about === 'mailbox' ? formatFqdnRoute(record, route) : null),
        sort: sortLines,
      }),
    },
  },
  alias: {
    virtual: {
      takes: [],
      make: () => ({
        ...LINES,
        line: (record) => (record.about === 'alias' || record.about === 'domain' ? formatVirtualLine(record) : null),
        aliasDomains: true,
      }),
    },
    virtusertable: { takes: [], make: () => ({ ...LINES, line: lineOfAlias(formatVirtusertableLine) }) },
    fqdnaliases: { takes: [], make: () => ({ ...LINES, line: lineOfAlias(formatFqdnAlias), sort: sortLines }) },
  },
  domain: { list: { takes: [], make: () => LINES } },
  table: { makemap: { takes: [], make: () => LINES } },
};

type LineParser = (text: string) => StoredRecord | Flaw | null;

function passwd(of: 'passwd' | 'dovecot'): Choice<ListReader> {
  return {
    takes: ['--default-domain', ...WHOLE],
    make: (options) => {
      const domain = domainIn(options);
      return byLine((text) => parsePasswdLine(text, domain, of));
    },
  };
}

function domainIn({ '--default-domain': text }: FormatOptions): string | null {
  const domain = text === undefined ? null : parseDomain(text);
  if (text !== undefined && domain === null) throw new CliError(EXIT.USAGE, `--default-domain ${text}: is no domain`);
  return domain;
}

function byLine(parse: LineParser): ListReader {
  return function* read(lines) {
    for (const { number, text, bytesRead } of lines) {
      const found = text === null ? NOT_UTF8 : parse(text);
      if (found !== null) yield { at: `:${number}`, found, bytesRead };
    }
  };
}

function byLogicalLine(parse: LineParser): ListReader {
  const read = byLine(parse);
  return (lines, name) => read(joinContinued(lines), name);
}

/** All of it is read before anything is given out, since a list that was cut off would be wrong NOTFOUNDs. */
function readerOfCyrus(options: FormatOptions): ListReader {
  const defaultDomain = domainIn(options) as string;
  const separator = options['--separator'] === '.' ? '.' : '/';
  return function* read(lines, name) {
    let bytesRead = 0;
    function* texts(): Generator<string> {
      for (const line of lines) {
        if (line.text === null) throw new CliError(EXIT.DATA, `${name}:${line.number}: ${NOT_UTF8.flaw}`);
        ({ bytesRead } = line);
        yield line.text;
      }
    }
    const list = parseCyrusList(texts(), { defaultDomain, separator });
    if ('flaw' in list) throw new CliError(EXIT.DATA, `${name}: ${list.flaw}`);
    for (const { name: entry, reason } of list.leftOut)
      yield { at: `: ${entry}`, found: { leftOut: reason }, bytesRead };
    for (const found of list.mailboxes) yield { at: `: ${nameOf(found)}`, found, bytesRead };
  };
}

function lineOfAlias(format: (alias: Alias) => string | Flaw): ListWriter['line'] {
  return (record) => (record.about === 'alias' ? format(record) : null);
}

const NOT_UTF8: Flaw = { flaw: 'is not UTF-8' };
