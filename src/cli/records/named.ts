import type { Flaw } from '../../address/address.ts';
import { parseDomain } from '../../address/domain.ts';
import { parseOwner } from '../../record/owner.ts';
import { type Identity, nameOf, NOUNS } from '../../record/record.ts';
import type { Records } from '../../store/driver/embedded/records.ts';
import { CliError, EXIT } from '../error.ts';
import { warn } from '../warn.ts';
import { KINDS, type Scope } from './kind.ts';

/** The record that a name on the command line means. Throws CliError for a name that is not valid. */
export function identityOf({ kind, table }: Scope, name: string): Identity {
  const { about } = KINDS[kind];
  switch (about) {
    case 'mailbox':
    case 'alias':
      return { about, ...withoutFlaw(parseOwner(name)) };
    case 'domain':
      return { about, domain: domainOf(name) };
    case 'key':
      return { about, table, key: name };
  }
}

/** Warns that a record does not exist; or its table, or its domain, with those that do. */
export function warnOfMissing(identity: Identity, store: Records): void {
  warn(`${nameOf(identity)}: ${missingRecord(identity, store)}`);
}

function missingRecord(identity: Identity, store: Records): string {
  if (identity.about === 'key' && !store.hasTable(identity.table)) return missingTable(identity.table, store);
  if (identity.about === 'domain') {
    const isHosted = Array.from(store.domains(), ({ domain }) => domain).includes(identity.domain);
    return isHosted
      ? 'is hosted because it has mailboxes: remove these'
      : `there is no such domain; ${domainsIn(store)}`;
  }
  return `there is no such ${NOUNS[identity.about][0]}`;
}

/** That there is no table of this name, with those that there are. */
export function missingTable(table: string, store: Records): string {
  const tables = [...store.tables()];
  return `there is no table ${table}; ${tables.length === 0 ? 'there are no tables' : `the tables are ${listed(tables)}`}`;
}

/** The hosted domains, in words. */
export function domainsIn(store: Records): string {
  const domains = Array.from(store.domains(), ({ domain }) => domain);
  return domains.length === 0 ? 'there are no domains' : `the domains are ${listed(domains)}`;
}

const MOST_LISTED = 10;

function listed(names: readonly string[]): string {
  const more = names.length - MOST_LISTED;
  return `${names.slice(0, MOST_LISTED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** Reads a domain. Throws CliError if it is not valid. */
export function domainOf(text: string): string {
  const domain = parseDomain(text);
  if (domain === null) throw new CliError(EXIT.DATA, `${text}: is not a domain`);
  return domain;
}

/** Returns what was read. Throws CliError if it is a Flaw. */
export function withoutFlaw<T>(read: T | Flaw): T {
  if (typeof read === 'object' && read !== null && 'flaw' in read) throw new CliError(EXIT.DATA, read.flaw);
  return read;
}
