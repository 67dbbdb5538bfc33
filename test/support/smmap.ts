import type { StoredRecord } from '../../src/record/record.ts';
import { rangeOf } from '../../src/store/driver/embedded/range.ts';
import type { About } from '../../src/vocabulary.ts';
import { type Daemon, startDaemon } from '../real/daemon.ts';
import { openNew } from './folder.ts';
import { rowsOfRecords } from './httpd.ts';

/** The built smmap as a socket map server, with a map for each kind of question. Aliases and domains are tables. */
export interface Smmap {
  readonly socket: string;
  /** Replaces everything that it has. */
  fill(records: readonly StoredRecord[]): Promise<void>;
  kill(): Promise<void>;
  hang(): void;
  /** Starts it again if it was killed, and lets it run if it hangs. */
  mend(): Promise<void>;
}

const TABLES = ['alias', 'domain', 'access', 'other'];
const KINDS: readonly About[] = ['mailbox', 'alias', 'domain', 'key'];

/**
 * Starts it in a folder. `states` and `reply` of its map `mailbox` are such that a client learns all that it can; its map
 * `cyrus` says what smmapd says.
 */
export async function startSmmap(folder: string): Promise<Smmap> {
  const tables = TABLES.map((name) => `[map.${name}]\nkind = "table"\n`).join('');
  const config = `
    [listen.mta]
    path = "${folder}/s"
    [store.local]
    driver = "embedded"
    path = "${folder}/store"
    [map.mailbox]
    detail = { policy = "folder" }
    states = { disabled = "PERM mailbox is disabled" }
    reply = "value"
    [map.cyrus]
    detail = { policy = "folder" }
    states = { disabled = "PERM Permission denied", overquota = "TEMP Over quota" }
    ${tables}`;
  let daemon: Daemon | null = null;
  const mend = async (): Promise<void> => {
    daemon?.signal('SIGCONT');
    daemon ??= await startDaemon({ folder, config });
  };
  return {
    socket: `${folder}/s`,
    async fill(records) {
      const store = await openNew(`${folder}/store`);
      store.write((writer) => {
        for (const kind of KINDS) {
          for (const table of kind === 'key' ? TABLES : [null]) writer.putInOrder([], rangeOf(kind, table), () => {});
        }
        writer.declare('mailbox', '');
        for (const table of TABLES) writer.declare('key', table);
        return recordsFrom(records).every((record) => writer.put(record) !== null);
      });
      await store.close();
    },
    async kill() {
      await daemon?.kill();
      daemon = null;
    },
    hang: () => daemon?.signal('SIGSTOP'),
    mend,
  };
}

/** Mailboxes as they are; all else as keys of tables. */
function recordsFrom(records: readonly StoredRecord[]): readonly StoredRecord[] {
  const entry = (table: string, key: string, value: string): StoredRecord => ({ about: 'key', table, key, value });
  const domains = rowsOfRecords(records).filter(({ question }) => question === 'domain');
  return [
    ...records.flatMap((record): readonly StoredRecord[] => {
      if (record.about === 'alias') {
        return [entry('alias', `${record.local}@${record.domain}`, record.targets.join(', '))];
      }
      return record.about === 'domain' ? [] : [record];
    }),
    ...domains.map(({ fields }) => entry('domain', fields['domain'] as string, fields['value'] as string)),
  ];
}
