import { NOUNS } from '../../../record/record.ts';
import type { About } from '../../../vocabulary.ts';

/**
 * The key of the mark for a kind of record. A mark is written with the first record of its kind, or when an
 * administrator says that there are none. Without it the store is certain of no absence: its setup is not finished, or
 * the file is damaged.
 */
export function markOf(about: About, table: string): string {
  if (about === 'mailbox') return '!written';
  return about === 'key' ? `!written key ${table}` : `!written ${about}`;
}

/** Whether a key of the data file is such a mark. */
export function isMark(key: string): boolean {
  return key === '!written' || key.startsWith('!written ');
}

/**
 * The marks for a kind of record. One of them makes an absence certain. Mailboxes make a domain hosted, too. A store
 * with aliases, but without mailboxes and domains, hosts no domain. Otherwise Postfix would wait for ever when it asks
 * an alias map for a domain.
 */
export function marksFor(about: About, table: string): readonly string[] {
  return about === 'domain' ? DOMAIN_MARKS : [markOf(about, table)];
}

/** Why an absence is not certain, with the remedy. */
export function lackOf(about: About, table: string): string {
  const [one, several] = NOUNS[about];
  if (about === 'domain') return 'no mailbox and no domain was ever written to it; add one of them';
  const where = about === 'key' ? `to its table ${table}` : 'to it';
  const command = about === 'key' ? `smmap table import --allow-empty ${table}` : `smmap ${about} import --allow-empty`;
  return `no ${one} was ever written ${where}; if there are no ${several} at all, say so: ${command} /dev/null`;
}

/** The key of the mark that a domain has a mailbox, so this is known without a search for one. */
export function hostsMarkOf(domain: string): string {
  return `!hosts ${domain}`;
}

const DOMAIN_MARKS: readonly string[] = [markOf('mailbox', ''), markOf('domain', ''), markOf('alias', '')];
