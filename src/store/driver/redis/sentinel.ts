import { StoreError } from '../../store.ts';
import { type Address, type Connection, type Link, createLink, newest } from './link.ts';

interface Belief {
  readonly host: string;
  readonly port: number;
  readonly epoch: number;
}

/** Sentinels, which know where the master is. */
export interface Sentinels {
  /** Asks all of them. Rejects if none of them answers. */
  master(): Promise<{ readonly host: string; readonly port: number }>;
  close(): void;
}

/** Asks Sentinels for the master of a name. If they disagree, the one with the latest failover is right. */
export function createSentinels(
  addresses: readonly Address[],
  name: string,
  connect: (address: Address) => Promise<Connection>,
  timeoutMs: number,
): Sentinels {
  const links = addresses.map((address) => createLink(() => connect(address), timeoutMs));
  const askOne = (link: Link): Promise<Belief> =>
    link.ask(async (connection) => {
      const [master, state] = await connection.send([
        ['sentinel', 'get-master-addr-by-name', name],
        ['sentinel', 'master', name],
      ]);
      if (master instanceof Error) throw new StoreError(`Sentinel: ${master.message}`);
      if (!Array.isArray(master) || !Array.isArray(state))
        throw new StoreError(`Sentinel knows no master ${name}: correct the key master`);
      const [host, port] = master as [string, string];
      const epoch = Number((state as string[])[(state as string[]).indexOf('config-epoch') + 1]);
      return { host, port: Number(port), epoch };
    });
  return {
    master: () => newest(links.map(askOne)),
    close() {
      for (const link of links) link.close();
    },
  };
}
