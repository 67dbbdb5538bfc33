import type { Mailbox } from '../line.ts';
import { type Store, StoreError } from '../store.ts';

/** Mailboxes that stand in the configuration file: for a few fixed ones, and for tests. */
export function createMemoryStore(mailboxes: Iterable<Mailbox>): Store {
  const byAddress = new Map<string, Mailbox>();
  for (const mailbox of mailboxes) byAddress.set(`${mailbox.domain} ${mailbox.local}`, mailbox);
  let closed = false;
  return {
    lookup({ local, domain, folder }) {
      if (closed) throw new StoreError('the store is closed');
      const mailbox = byAddress.get(`${domain} ${local}`);
      if (mailbox === undefined || (folder !== null && !mailbox.folders.includes(folder))) return null;
      return { value: '', state: mailbox.state };
    },
    close() {
      closed = true;
    },
  };
}
