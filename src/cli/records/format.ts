import type { Flaw } from '../../address/address.ts';
import { parseDomain } from '../../address/domain.ts';
import { parseAliasesLine } from '../../format/aliases.ts';
import { parsePasswdLine } from '../../format/passwd.ts';
import { parseRecipientLine } from '../../format/recipients.ts';
import { formatVirtualLine, parseVirtualLine } from '../../format/virtual.ts';
import { formatVirtusertableLine } from '../../format/virtusertable.ts';
import { formatFqdnAlias, formatFqdnRoute, sortLines } from '../../format/zmailer.ts';
import type { Alias } from '../../record/alias.ts';
import { parseDomainLine } from '../../record/domain.ts';
import { parseEntryLine } from '../../record/entry.ts';
import { parseMailboxLine } from '../../record/mailbox.ts';
import { formatLine, type StoredRecord } from '../../record/record.ts';
import { CliError, EXIT } from '../error.ts';
import type { ExportName, ImportName, KindName, Scope } from './kind.ts';
import { byLine, byLogicalLine, type ListReader, readerOfCyrus, readVirtusertable } from './read.ts';

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
      make: cyrus,
    },
    passwd: passwd('passwd'),
    dovecot: passwd('dovecot'),
    postmap: {
      takes: ['--default-domain', ...WHOLE],
      make: (options) => {
        const domain = domainIn(options);
        return byLogicalLine((text) => parseRecipientLine(text, domain));
      },
    },
  },
  alias: {
    virtual: {
      takes: ['--default-domain', ...WHOLE],
      make: (options) => {
        const domain = domainIn(options);
        return byLogicalLine((text) => parseVirtualLine(text, domain));
      },
    },
    virtusertable: { takes: WHOLE, make: () => readVirtusertable },
    aliases: {
      takes: ['--default-domain', ...WHOLE],
      needs: { '--default-domain': 'the names in such a file have no domain' },
      make: (options) => {
        const domain = domainIn(options) as string;
        return byLogicalLine((text) => parseAliasesLine(text, domain), true);
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

function cyrus(options: FormatOptions): ListReader {
  const separator = options['--separator'] === '.' ? '.' : '/';
  return readerOfCyrus({ defaultDomain: domainIn(options) as string, separator });
}

function lineOfAlias(format: (alias: Alias) => string | Flaw): ListWriter['line'] {
  return (record) => (record.about === 'alias' ? format(record) : null);
}
