import { type Mailbox, holds } from '../line.ts';
import { type Store, StoreError } from '../store.ts';

/** Mailboxes that stand in the configuration file: for a few fixed ones, and for tests. */
export function createMemoryStore(mailboxes: Iterable<Mailbox>): Store {
  const byAddress = new Map<string, Mailbox>();
  for (const mailbox of mailboxes) byAddress.set(`${mailbox.domain} ${mailbox.local}`, mailbox);
  let closed = false;
  return {
    lookup(question) {
      if (closed) throw new StoreError('the store is closed');
      const mailbox = byAddress.get(`${question.domain} ${question.local}`);
      return mailbox !== undefined && holds(mailbox.folders, question) ? { value: '', state: mailbox.state } : null;
    },
    close() {
      closed = true;
    },
  };
}
