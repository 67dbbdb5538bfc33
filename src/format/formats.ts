import { parseDomainLine } from '../record/domain.ts';
import { parseEntryLine } from '../record/entry.ts';
import { parseMailboxLine } from '../record/mailbox.ts';
import type { About } from '../vocabulary.ts';
import { parseAliasesLine } from './aliases.ts';
import { parsePasswdLine } from './passwd.ts';
import { byLine, byLogicalLine, type ListReader, readVirtusertable } from './reader.ts';
import { parseRecipientLine } from './recipients.ts';
import { parseVirtualLine } from './virtual.ts';

/** A format of a list of records that shows where it ends. */
export interface Format {
  /** Whether names in the list may lack their domain, so that a reader needs to know it. */
  readonly domain: 'never lacks' | 'may lack' | 'lacks';
  /** Makes a reader. Null: names without a domain are mistakes. `table` counts only for keys. */
  readonly reader: (defaultDomain: string | null, table: string) => ListReader;
}

/** The formats of the lists of each kind. The first one is the default. */
export const FORMATS = {
  mailbox: {
    list: { domain: 'never lacks', reader: () => byLine(parseMailboxLine) },
    passwd: { domain: 'may lack', reader: (domain) => byLine((text) => parsePasswdLine(text, domain, 'passwd')) },
    dovecot: { domain: 'may lack', reader: (domain) => byLine((text) => parsePasswdLine(text, domain, 'dovecot')) },
    postmap: { domain: 'may lack', reader: (domain) => byLogicalLine((text) => parseRecipientLine(text, domain)) },
  },
  alias: {
    virtual: { domain: 'may lack', reader: (domain) => byLogicalLine((text) => parseVirtualLine(text, domain)) },
    virtusertable: { domain: 'never lacks', reader: () => readVirtusertable },
    aliases: {
      domain: 'lacks',
      reader: (domain) => byLogicalLine((text) => parseAliasesLine(text, domain as string), true),
    },
  },
  domain: { list: { domain: 'never lacks', reader: () => byLine(parseDomainLine) } },
  key: {
    makemap: { domain: 'never lacks', reader: (_, table) => byLine((text) => parseEntryLine(table, text)) },
    postmap: { domain: 'never lacks', reader: (_, table) => byLogicalLine((text) => parseEntryLine(table, text)) },
  },
} as const satisfies Readonly<Record<About, Readonly<Record<string, Format>>>>;
