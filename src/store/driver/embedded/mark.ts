import type { About } from '../../../vocabulary.ts';
import { NOUNS } from '../../../record/record.ts';

/**
 * A mark stands in the data file once a record of its kind was ever written, or an empty list was declared to be all there
 * is. Without it the store is certain of nothing: whoever set it up is not done, or what was read is not what was written.
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
 * The marks of which one makes a miss certain. A domain is hosted by its mailboxes too; and who has aliases and neither
 * mailboxes nor domains here hosts no domain here, or Postfix would wait for ever when it asks an alias map for one.
 */
export function marksFor(about: About, table: string): readonly string[] {
  return about === 'domain' ? DOMAIN_MARKS : [markOf(about, table)];
}

/** Why a miss is not certain, with the remedy. */
export function lackOf(about: About, table: string): string {
  const [one, several] = NOUNS[about];
  if (about === 'domain') return 'no mailbox and no domain was ever written to it';
  const where = about === 'key' ? `to its table ${table}` : 'to it';
  const command = about === 'key' ? `smmap table import --allow-empty ${table}` : `smmap ${about} import --allow-empty`;
  return `no ${one} was ever written ${where}; where there are no ${several} at all, say so: ${command} /dev/null`;
}

/** Stands in the data file while a domain has a mailbox, so that this is known without looking for one. */
export function hostsMarkOf(domain: string): string {
  return `!hosts ${domain}`;
}

const DOMAIN_MARKS: readonly string[] = [markOf('mailbox', ''), markOf('domain', ''), markOf('alias', '')];
