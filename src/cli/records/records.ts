import { type Alias, parseAlias } from '../../record/alias.ts';
import { parseEntry } from '../../record/entry.ts';
import { flawOfValue, type Mailbox, parseFolder } from '../../record/mailbox.ts';
import { parseOwner } from '../../record/owner.ts';
import { nameOf, type StoredRecord } from '../../record/record.ts';
import type { Records } from '../../store/driver/embedded/records.ts';
import type { DomainClass, State } from '../../vocabulary.ts';
import { CliError, EXIT } from '../error.ts';
import { warn } from '../warn.ts';
import { type ChangeRules, withRecords } from './access.ts';
import { TOO_LONG } from './import.ts';
import { domainOf, withoutFlaw } from './named.ts';
import { printResults, type Result, resultOf } from './result.ts';

/** What `mailbox add` sets. Null: unchanged. A new mailbox is active, and has no value. */
export interface MailboxFields {
  readonly folders: readonly string[];
  readonly state: State | null;
  readonly value: string | null;
}

/** Adds or changes mailboxes. Like all commands here, throws CliError: exit code 65 for bad input, 74 if the store fails. */
export async function addMailboxes(
  addresses: readonly string[],
  fields: MailboxFields,
  dir: string,
  rules: ChangeRules,
): Promise<void> {
  const { state, value } = fields;
  if (value !== null) withoutFlaw(flawOfValue(value));
  const owners = addresses.map((address) => withoutFlaw(parseOwner(address)));
  const folders = fields.folders.map((folder) => withoutFlaw(parseFolder(folder)));
  const inactive: Mailbox[] = [];
  await put(dir, rules, (store) =>
    owners.map(({ local, domain }) => {
      const old = store.get({ about: 'mailbox', local, domain });
      const kept = old?.about === 'mailbox' ? old : { state: 'active' as const, value: '', folders: [] };
      const mailbox: Mailbox = {
        about: 'mailbox',
        local,
        domain,
        state: state ?? kept.state,
        value: value ?? kept.value,
        folders: [...new Set([...kept.folders, ...folders])], // if a folder were lost, its mail would be refused
      };
      const isPlain = state === null && value === null && folders.length === 0;
      if (isPlain && kept.state !== 'active') inactive.push(mailbox);
      return mailbox;
    }),
  );
  for (const mailbox of inactive) {
    warn(`${nameOf(mailbox)}: exists, and stays ${mailbox.state}; to change that, give --state active`);
  }
}

/** Adds targets to an alias, or replaces them. */
export function addAlias(
  address: string,
  targets: readonly string[],
  replace: boolean,
  dir: string,
  rules: ChangeRules,
): Promise<void> {
  const alias: Alias = withoutFlaw(parseAlias(withoutFlaw(parseOwner(address)), targets.join(',')));
  return put(dir, rules, (store) => {
    const old = replace ? null : store.get(alias);
    const kept = old?.about === 'alias' ? old.targets : [];
    return [withoutFlaw(parseAlias(alias, [...kept, ...alias.targets].join(', ')))];
  });
}

/** Adds domains, or changes their class. Null: unchanged; a new domain has the class mailbox. */
export function addDomains(
  names: readonly string[],
  domainClass: DomainClass | null,
  dir: string,
  rules: ChangeRules,
): Promise<void> {
  const domains = names.map(domainOf);
  return put(dir, rules, (store) =>
    domains.map((domain) => {
      const old = store.get({ about: 'domain', domain });
      const kept = old?.about === 'domain' ? old.class : 'mailbox';
      return { about: 'domain', domain, class: domainClass ?? kept };
    }),
  );
}

export function addKey(table: string, key: string, value: string, dir: string, rules: ChangeRules): Promise<void> {
  const entry = withoutFlaw(parseEntry(table, key, value));
  return put(dir, rules, () => [entry]);
}

/** Writes records in one transaction, and prints what became of each. `make` makes them from the records that exist. */
async function put(
  dir: string,
  { json, waitMs }: ChangeRules,
  make: (store: Records) => readonly StoredRecord[],
): Promise<void> {
  const results: (readonly [string, Result])[] = [];
  const write = (store: Records): boolean =>
    store.write((writer) => {
      for (const record of make(store)) {
        const became = writer.put(record);
        if (became === null) throw new CliError(EXIT.DATA, `${nameOf(record)}: ${TOO_LONG}`);
        results.push([nameOf(record), resultOf(became)]);
      }
      return true;
    });
  await withRecords(dir, 'write', write, waitMs);
  await printResults(results, json);
}
