import { foldLocal } from '../address/address.ts';
import type { About, DomainQuestion, KeyQuestion, MailboxQuestion } from '../vocabulary.ts';
import { type Alias, formatAliasLine } from './alias.ts';
import { type HostedDomain, formatDomainLine } from './domain.ts';
import { type TableEntry, formatEntryLine } from './entry.ts';
import { type Mailbox, formatMailboxLine } from './mailbox.ts';
import { formatOwner } from './owner.ts';

/** What the embedded store holds: for each kind of question, the record that answers it. */
export type StoredRecord = Mailbox | Alias | HostedDomain | TableEntry;

/** What distinguishes a record from all others. A record has it, and so does a question. */
export type Identity =
  | (Pick<MailboxQuestion, 'local' | 'domain'> & { readonly about: 'mailbox' | 'alias' })
  | DomainQuestion
  | Pick<KeyQuestion, 'about' | 'table' | 'key'>;

/**
 * One text for all spellings of an identity. A mailbox is "<domain> <local>". The others start with "!", and no domain does. No
 * domain and no name of a table has a blank, so a text has only one meaning.
 */
export function keyOf(identity: Identity): string {
  switch (identity.about) {
    case 'mailbox':
      return `${identity.domain} ${foldLocal(identity.local)}`;
    case 'alias':
      return `!alias ${identity.domain} ${foldLocal(identity.local)}`;
    case 'domain':
      return `!domain ${identity.domain}`;
    case 'key':
      return `!key ${identity.table} ${foldLocal(identity.key)}`;
  }
}

/** Its name in messages. */
export function nameOf(identity: Identity): string {
  switch (identity.about) {
    case 'mailbox':
    case 'alias':
      return formatOwner(identity.local, identity.domain);
    case 'domain':
      return identity.domain;
    case 'key':
      return identity.key;
  }
}

/** The line that an export writes and an import reads. */
export function formatLine(record: StoredRecord): string {
  switch (record.about) {
    case 'mailbox':
      return formatMailboxLine(record);
    case 'alias':
      return formatAliasLine(record);
    case 'domain':
      return formatDomainLine(record);
    case 'key':
      return formatEntryLine(record);
  }
}

/** The nouns of messages. */
export const NOUNS: Readonly<Record<About, readonly [one: string, several: string]>> = {
  mailbox: ['mailbox', 'mailboxes'],
  alias: ['alias', 'aliases'],
  domain: ['domain', 'domains'],
  key: ['key', 'keys'],
};
