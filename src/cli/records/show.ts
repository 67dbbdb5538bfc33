import type { HostedDomain } from '../../record/domain.ts';
import { formatLine, type Identity, nameOf, type StoredRecord } from '../../record/record.ts';
import type { Records } from '../../store/driver/embedded/records.ts';
import { warn } from '../warn.ts';
import { withRecords } from './access.ts';
import type { Scope } from './kind.ts';
import { domainOf, domainsIn, identityOf, missingTable, warnOfMissing } from './named.ts';
import { print } from './print.ts';

/** Prints records with all details. Resolves to 1 if one does not exist. */
export function show(scope: Scope, names: readonly string[], dir: string): Promise<number> {
  const identities = names.map((name) => identityOf(scope, name));
  return withRecords(dir, 'read', (store) => {
    let exitCode = 0;
    for (const identity of identities) {
      const record = store.get(identity) ?? hostedAt(store, identity);
      if (record === null) {
        warnOfMissing(identity, store);
        exitCode = 1;
      } else {
        const fields = fieldsOf(record).map(([name, value]) => `  ${name.padEnd(8)} ${value}\n`);
        process.stdout.write(`${nameOf(record)}\n${fields.join('')}`);
      }
    }
    return exitCode;
  });
}

/** What a list is restricted to, and what it has besides the records. */
export interface ListRules {
  /** Only this domain. Null: all. */
  readonly domain: string | null;
  /** Domains that stand for others. Each follows the hosted domains, if the other is one of them. */
  readonly aliasDomains: ReadonlyMap<string, string>;
}

/**
 * Prints the addresses of mailboxes or the lines of aliases, of one domain or of all; the hosted domains, whether they were
 * added or have a mailbox; or the lines of a table, or the names of all tables. Resolves to 1 if a domain or table that was
 * named has none.
 */
export function list(scope: Scope, { domain, aliasDomains }: ListRules, dir: string): Promise<number> {
  const within = domain === null ? null : domainOf(domain);
  return withRecords(dir, 'read', async (store) => {
    const lines = linesOf(scope, within, store, aliasDomains)[Symbol.iterator]();
    const first = lines.next();
    if (first.done === true) return nothingIn(scope, within, store);
    await print(
      (function* all() {
        yield first.value;
        yield* { [Symbol.iterator]: () => lines };
      })(),
    );
    return 0;
  });
}

function linesOf(
  scope: Scope,
  within: string | null,
  store: Records,
  aliasDomains: ListRules['aliasDomains'],
): Iterable<string> {
  switch (scope.kind) {
    case 'mailbox':
      return mapped(store.all('mailbox', within), nameOf);
    case 'alias':
      return mapped(store.all('alias', within), formatLine);
    case 'domain':
      return mapped(withAliases(store.domains(), aliasDomains), formatLine);
    case 'table':
      return scope.table === '' ? store.tables() : mapped(store.all('key', scope.table), formatLine);
  }
}

/** An empty list of a domain or a table that was named: the name may be wrong. Returns the exit code. */
function nothingIn({ kind, table }: Scope, domain: string | null, store: Records): number {
  if (table !== '') {
    if (store.hasTable(table)) return 0; // its administrator said that it is empty
    warn(missingTable(table, store));
    return 1;
  }
  if (domain === null) return 0;
  warn(`there is no ${kind} in ${domain}; ${domainsIn(store)}`);
  return 1;
}

function fieldsOf(record: StoredRecord): readonly (readonly [name: string, value: string])[] {
  switch (record.about) {
    case 'mailbox': {
      const value = record.value === '' ? [] : [['value', record.value] as const];
      return [['state', record.state], ...value, ...record.folders.map((folder) => ['folder', folder] as const)];
    }
    case 'alias':
      return record.targets.map((target) => ['target', target] as const);
    case 'domain':
      return [['class', record.class]];
    case 'key':
      return [['value', record.value]];
  }
}

/** A domain that is hosted because it has a mailbox, and was not added. */
function hostedAt(store: Records, identity: Identity): HostedDomain | null {
  if (identity.about !== 'domain') return null;
  for (const each of store.domains()) if (each.domain === identity.domain) return each;
  return null;
}

/** An alias domain has the class of the domain that it stands for. */
function* withAliases(
  domains: Iterable<HostedDomain>,
  aliasDomains: ReadonlyMap<string, string>,
): Generator<HostedDomain> {
  const classes = new Map<string, HostedDomain['class']>();
  for (const each of domains) {
    if (aliasDomains.size > 0) classes.set(each.domain, each.class);
    yield each;
  }
  for (const [domain, target] of aliasDomains) {
    const domainClass = classes.get(target);
    if (domainClass !== undefined && !classes.has(domain)) yield { about: 'domain', domain, class: domainClass };
  }
}

function* mapped<T>(items: Iterable<T>, format: (item: T) => string): Generator<string> {
  for (const item of items) yield format(item);
}
