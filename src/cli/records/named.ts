import type { Flaw } from '../../address/address.ts';
import { parseDomain } from '../../address/domain.ts';
import { parseOwner } from '../../record/owner.ts';
import { type Identity, nameOf, NOUNS } from '../../record/record.ts';
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

/** Warns that a record does not exist. */
export function warnOfMissing(identity: Identity): void {
  warn(`${nameOf(identity)}: there is no such ${NOUNS[identity.about][0]}`);
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
