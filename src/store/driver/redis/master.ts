import { withoutBrackets } from '../../../endpoint.ts';
import { type Bulk, StoreError } from '../../store.ts';
import { type Address, type Connection, type RedisServers, createLink } from './link.ts';
import { answerAll, answersOf, commandsOf, doubtOf, type Layouts } from './plan.ts';
import { createSentinels } from './sentinel.ts';

/** Where the master is. */
export interface Master {
  address(): Promise<Address>;
  /** Whether Sentinels may make another server the master. */
  readonly mayMove: boolean;
  close(): void;
}

/**
 * Finds the master: the only server, or the one that the Sentinels name. `connect` connects to a Sentinel. Throws for a
 * Cluster.
 */
export function createMaster(
  servers: RedisServers,
  timeoutMs: number,
  connect: (sentinel: Address) => Promise<Connection>,
): Master {
  if (servers.kind === 'single') {
    return { address: () => Promise.resolve(addressOf(servers.url)), mayMove: false, close: () => {} };
  }
  if (servers.kind === 'cluster') throw new StoreError('a Redis Cluster has more than one master');
  const sentinels = createSentinels(servers.sentinels, servers.name, connect, timeoutMs);
  return { address: () => sentinels.master(), mayMove: true, close: () => sentinels.close() };
}

const LOOK_MS = 500; // how often we ask the Sentinels while nothing fails: a replaced master may not know about it

/** Answers from the master, on one connection. `connect` connects to it. */
export function askMaster(
  master: Master,
  layouts: Layouts,
  timeoutMs: number,
  connect: (address: Address) => Promise<Connection>,
): Bulk {
  const { mayMove } = master;
  let current = '';
  const open = async (): Promise<Connection> => {
    const address = await master.address();
    current = JSON.stringify(address);
    return connect(address);
  };
  const link = createLink(open, timeoutMs);
  const look = async (): Promise<void> => {
    if (current !== '' && JSON.stringify(await master.address()) !== current) link.drop();
  };
  const timer = mayMove ? setInterval(() => void look().catch(() => {}), LOOK_MS).unref() : undefined;

  return {
    lookupAll: (questions) =>
      answerAll(questions, layouts, async (plans) => {
        const commands = commandsOf(plans, true);
        const replies = await link.ask((connection) => connection.transact(commands));
        if (mayMove && doubtOf(replies.at(-1)) !== null) link.drop();
        return answersOf(plans, true, replies);
      }),
    atomic: true, // all questions are in one MULTI
    close() {
      clearInterval(timer);
      link.close();
      master.close();
    },
  };
}

function addressOf(url: string): Address {
  const { protocol, hostname, port, pathname } = new URL(url);
  if (protocol === 'unix:') return { path: decodeURIComponent(pathname) };
  return { host: withoutBrackets(hostname), port: port === '' ? 6379 : Number(port) };
}
