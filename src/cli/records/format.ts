import type { Flaw } from '../../address/address.ts';
import { parseDomain } from '../../address/domain.ts';
import { type Format, FORMATS } from '../../format/formats.ts';
import type { ListReader } from '../../format/reader.ts';
import { formatRecipientLine } from '../../format/recipients.ts';
import { formatVirtualLine } from '../../format/virtual.ts';
import { formatVirtusertableLine } from '../../format/virtusertable.ts';
import { formatFqdnAlias, formatFqdnRoute, sortLines } from '../../format/zmailer.ts';
import type { Alias } from '../../record/alias.ts';
import { formatLine, type StoredRecord } from '../../record/record.ts';
import { CliError, EXIT } from '../error.ts';
import type { ExportName, ImportName, KindName, Scope } from './kind.ts';
import { forCommand, readerOfCyrus } from './read.ts';

/** Writes a list. */
export interface ListWriter {
  /** One line. Null for a record that does not belong into the list, a Flaw for one that the format cannot express. */
  line(record: StoredRecord): string | Flaw | null;
  /** Sorts the lines. Null if their order does not matter. */
  readonly sort: ((lines: readonly string[]) => string[]) | null;
  /** Whether the list includes domains that have aliases only. */
  readonly aliasDomains: boolean;
}

/** The given options that only some formats have. "" for an option without a value. */
export type FormatOptions = Readonly<Partial<Record<OptionName, string | undefined>>>;
type OptionName = '--default-domain' | '--separator' | '--replace' | '--allow-empty' | '--route';

/** How lists of a format are read or written, with its options. */
interface Choice<T> {
  readonly takes: readonly OptionName[];
  /** Options that it needs, and why. */
  readonly needs?: FormatOptions;
  readonly make: (options: FormatOptions, table: string) => T;
}

/** The reader for a format. Throws CliError for an option that the format does not have, or that is missing. */
export function readerFor({ kind, table }: Scope, format: string, options: FormatOptions): ListReader {
  return choose<ListReader>(READERS[kind], format, options, table);
}

/** The writer for a format. Throws CliError as readerFor does. */
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
  if (choice === undefined)
    throw new CliError(EXIT.USAGE, `${format}: is not one of ${Object.keys(choices).join(', ')}`);
  const { takes, needs = {}, make } = choice;
  for (const option of Object.keys(given) as OptionName[]) {
    if (given[option] === undefined || takes.includes(option)) continue;
    const others = Object.keys(choices).filter((name) => choices[name]?.takes.includes(option));
    throw new CliError(EXIT.USAGE, `${option} is not possible with --format ${format}, only with ${others.join(', ')}`);
  }
  for (const [option, reason] of Object.entries(needs)) {
    if (given[option as OptionName] !== undefined) continue;
    throw new CliError(EXIT.USAGE, `--format ${format} needs ${option}: ${reason}`);
  }
  return make(given, table);
}

/** The options of every list that shows where it ends. */
const WHOLE: readonly OptionName[] = ['--replace', '--allow-empty'];

const READERS: { readonly [K in KindName]: Readonly<Record<ImportName<K>, Choice<ListReader>>> } = {
  mailbox: {
    list: choiceOf(FORMATS.mailbox.list),
    // Its dump may end early without a sign (docs/cyrus.md), so it never counts as complete.
    cyrus: {
      takes: ['--default-domain', '--separator'],
      needs: { '--default-domain': 'the list does not have it; see defaultdomain in imapd.conf' },
      make: cyrus,
    },
    passwd: choiceOf(FORMATS.mailbox.passwd),
    dovecot: choiceOf(FORMATS.mailbox.dovecot),
    postmap: choiceOf(FORMATS.mailbox.postmap),
  },
  alias: {
    virtual: choiceOf(FORMATS.alias.virtual),
    virtusertable: choiceOf(FORMATS.alias.virtusertable),
    aliases: choiceOf(FORMATS.alias.aliases),
  },
  domain: { list: choiceOf(FORMATS.domain.list) },
  table: { makemap: choiceOf(FORMATS.key.makemap), postmap: choiceOf(FORMATS.key.postmap) },
};

const LINES: ListWriter = { line: formatLine, sort: null, aliasDomains: false };

const WRITERS: { readonly [K in KindName]: Readonly<Record<ExportName<K>, Choice<ListWriter>>> } = {
  mailbox: {
    list: { takes: [], make: () => LINES },
    postmap: {
      takes: [],
      make: () => ({ ...LINES, line: (record) => (record.about === 'mailbox' ? formatRecipientLine(record) : null) }),
    },
    fqdnroutes: {
      takes: ['--route'],
      needs: { '--route': "it is the text after each address, such as 'smtp-lmtp!localhost!%u%2'" },
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

function choiceOf({ domain, reader }: Format): Choice<ListReader> {
  return {
    takes: domain === 'never lacks' ? WHOLE : ['--default-domain', ...WHOLE],
    ...(domain === 'lacks' && { needs: { '--default-domain': 'the names in such a file have no domain' } }),
    make: (options, table) => forCommand(reader(domainIn(options), table)),
  };
}

function domainIn({ '--default-domain': text }: FormatOptions): string | null {
  const domain = text === undefined ? null : parseDomain(text);
  if (text !== undefined && domain === null)
    throw new CliError(EXIT.USAGE, `--default-domain ${text}: is not a domain`);
  return domain;
}

function cyrus(options: FormatOptions): ListReader {
  const separator = options['--separator'] === '.' ? '.' : '/';
  return readerOfCyrus({ defaultDomain: domainIn(options) as string, separator });
}

function lineOfAlias(format: (alias: Alias) => string | Flaw): ListWriter['line'] {
  return (record) => (record.about === 'alias' ? format(record) : null);
}
