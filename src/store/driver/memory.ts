import { type Mailbox, holds } from '../line.ts';
import { type Store, StoreError } from '../store.ts';

/** Mailboxes that stand in the configuration file: for a few fixed ones, and for tests. */
export function createMemoryStore(mailboxes: Iterable<Mailbox>): Store {
  const byAddress = new Map<string, Mailbox>();
  const domains = new Set<string>();
  for (const mailbox of mailboxes) {
    byAddress.set(`${mailbox.domain} ${mailbox.local}`, mailbox);
    domains.add(mailbox.domain);
  }
  let closed = false;
  return {
    lookup(question) {
      if (closed) throw new StoreError('the store is closed');
      if (question.about === 'domain') return domains.has(question.domain) ? { value: '', state: 'active' } : null;
      const mailbox = byAddress.get(`${question.domain} ${question.local}`);
      return mailbox !== undefined && holds(mailbox.folders, question) ? { value: '', state: mailbox.state } : null;
    },
    close() {
      closed = true;
    },
  };
}
