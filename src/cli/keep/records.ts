import type { Flaw } from '../../address/address.ts';
import { parseDomain } from '../../address/domain.ts';
import { hasRecords, type Records } from '../../store/driver/records.ts';
import { type Alias, parseAlias } from '../../store/record/alias.ts';
import { parseEntry } from '../../store/record/entry.ts';
import { flawOfValue, parseFolder } from '../../store/record/mailbox.ts';
import { parseOwner } from '../../store/record/owner.ts';
import { formatLine, type Identity, nameOf, NOUNS, type StoredRecord } from '../../store/record/record.ts';
import type { DomainClass, State } from '../../vocabulary.ts';
import { warn, withRecords } from './access.ts';
import { CliError, EXIT } from '../error.ts';
import { TOO_LONG } from './import.ts';
import { KINDS, type Scope } from './kind.ts';
import { print } from './print.ts';

/** What `mailbox add` sets. */
export interface MailboxFields {
  readonly folders: readonly string[];
  readonly state: State;
  /** Null leaves it as it is. */
  readonly value: string | null;
}

/** Each command throws CliError with exit code 65 for what is none of its kind, and 74 for a store that fails. */
export function addMailboxes(addresses: readonly string[], fields: MailboxFields, dir: string): Promise<void> {
  const { state, value } = fields;
  if (value !== null) sound(flawOfValue(value));
  const owners = addresses.map((address) => sound(parseOwner(address)));
  const folders = fields.folders.map((folder) => sound(parseFolder(folder)));
  return put(dir, (store) =>
    owners.map(({ local, domain }) => {
      const old = store.get({ about: 'mailbox', local, domain });
      const kept = old?.about === 'mailbox' ? old : { value: '', folders: [] };
      return {
        about: 'mailbox',
        local,
        domain,
        state,
        value: value ?? kept.value,
        folders: [...new Set([...kept.folders, ...folders])], // to lose one unasked would refuse its mail
      };
    }),
  );
}

/** Gives an address more targets, or with `replace` other ones. */
export function addAlias(address: string, targets: readonly string[], replace: boolean, dir: string): Promise<void> {
  const alias: Alias = sound(parseAlias(sound(parseOwner(address)), targets.join(',')));
  return put(dir, (store) => {
    const old = replace ? null : store.get(alias);
    const kept = old?.about === 'alias' ? old.targets : [];
    return [{ ...alias, targets: [...new Set([...kept, ...alias.targets])] }];
  });
}

export function addDomains(names: readonly string[], domainClass: DomainClass, dir: string): Promise<void> {
  const domains = names.map(domainOf);
  return put(dir, () => domains.map((domain) => ({ about: 'domain', domain, class: domainClass })));
}

export function addKey(table: string, key: string, value: string, dir: string): Promise<void> {
  const entry = sound(parseEntry(table, key, value));
  return put(dir, () => [entry]);
}

/** Resolves to 1 where one was not there. */
export function remove(scope: Scope, names: readonly string[], dir: string): Promise<number> {
  const identities = names.map((name) => identityOf(scope, name));
  if (!hasRecords(dir)) throw new CliError(EXIT.IO, `there is no store in ${dir}`);
  return withRecords(dir, 'write', (store) => {
    const missing: Identity[] = [];
    store.write((writer) => {
      missing.push(...identities.filter((identity) => !writer.remove(identity)));
      return true;
    });
    missing.forEach(warnOfMissing);
    return missing.length > 0 ? 1 : 0;
  });
}

/** Prints mailboxes with all that is known of them. Resolves to 1 where one is not there. */
export function show(addresses: readonly string[], dir: string): Promise<number> {
  const identities = addresses.map((address) => identityOf({ kind: 'mailbox', table: '' }, address));
  return withRecords(dir, 'read', (store) => {
    let exitCode = 0;
    for (const identity of identities) {
      const mailbox = store.get(identity);
      if (mailbox?.about === 'mailbox') {
        const value = mailbox.value === '' ? '' : `  value    ${mailbox.value}\n`;
        const folders = mailbox.folders.map((folder) => `  folder   ${folder}\n`).join('');
        process.stdout.write(`${nameOf(mailbox)}\n  state    ${mailbox.state}\n${value}${folders}`);
      } else {
        warnOfMissing(identity);
        exitCode = 1;
      }
    }
    return exitCode;
  });
}

/**
 * Prints the addresses of mailboxes, the lines of aliases, of one domain or of all; the domains that are hosted, whether
 * they were added or have a mailbox; the lines of a table, or without one the names of all.
 */
export function list(scope: Scope, domain: string | null, dir: string): Promise<void> {
  const within = domain === null ? null : domainOf(domain);
  return withRecords(dir, 'read', (store) => {
    switch (scope.kind) {
      case 'mailbox':
        return print(mapped(store.all('mailbox', within), nameOf));
      case 'alias':
        return print(mapped(store.all('alias', within), formatLine));
      case 'domain':
        return print(mapped(store.domains(), formatLine));
      case 'table':
        return print(scope.table === '' ? store.tables() : mapped(store.all('key', scope.table), formatLine));
    }
  });
}

function* mapped<T>(items: Iterable<T>, format: (item: T) => string): Generator<string> {
  for (const item of items) yield format(item);
}

/** Writes in one transaction what is made of what is there. */
function put(dir: string, make: (store: Records) => readonly StoredRecord[]): Promise<void> {
  return withRecords(dir, 'write', (store) => {
    store.write((writer) => {
      for (const record of make(store)) {
        if (!writer.put(record)) throw new CliError(EXIT.DATA, `${nameOf(record)}: ${TOO_LONG}`);
      }
      return true;
    });
  });
}

function identityOf({ kind, table }: Scope, name: string): Identity {
  const { about } = KINDS[kind];
  switch (about) {
    case 'mailbox':
    case 'alias':
      return { about, ...sound(parseOwner(name)) };
    case 'domain':
      return { about, domain: domainOf(name) };
    case 'key':
      return { about, table, key: name };
  }
}

function warnOfMissing(identity: Identity): void {
  warn(`${nameOf(identity)}: there is no such ${NOUNS[identity.about][0]}`);
}

function domainOf(text: string): string {
  const domain = parseDomain(text);
  if (domain === null) throw new CliError(EXIT.DATA, `${text}: is no domain`);
  return domain;
}

function sound<T>(read: T | Flaw): T {
  if (typeof read === 'object' && read !== null && 'flaw' in read) throw new CliError(EXIT.DATA, read.flaw);
  return read;
}
