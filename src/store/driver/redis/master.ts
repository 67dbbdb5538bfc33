import { withoutBrackets } from '../../../endpoint.ts';
import type { Answer } from '../../../vocabulary.ts';
import { createLuck, isActive } from '../../luck.ts';
import { type Bulk, StoreError } from '../../store.ts';
import { type Address, type Connection, type RedisServers, type Transacted, createLink } from './link.ts';
import { answerAll, answersOf, type Command, commandsOf, doubtOf, type Layouts, type Plan } from './plan.ts';
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

const WORTH = 0.75; // a command alone costs half of a transaction, and one in vain costs a round trip more
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

  const luck = createLuck(WORTH);
  /** The last command is ROLE, if the master may move. */
  const ask = async (send: (connection: Connection) => Promise<Transacted>): Promise<Transacted> => {
    const told = await link.ask(send);
    if (mayMove && doubtOf(told.replies.at(-1)) !== null) link.drop();
    return told;
  };
  /** The answer to the command of a plan alone, without what an absence needs. */
  const tryAlone = async (plan: Plan): Promise<Answer | StoreError | undefined> => {
    const commands: readonly Command[] = mayMove ? [...plan.reads, ['role']] : plan.reads;
    const send = async (connection: Connection): Promise<Transacted> => {
      return { replies: await connection.send(commands), evicts: null };
    };
    const [reply] = (await ask(send)).replies;
    const [answer] = answersOf([{ ...plan, witness: null }], false, [reply]);
    luck.note(plan.name, isActive(answer) ? 1 : 0, 1);
    return answer;
  };

  return {
    lookupAll: (questions) =>
      answerAll(questions, layouts, async (plans) => {
        const [plan] = plans as readonly [Plan];
        if (plans.length === 1 && plan.reads.length === 1 && luck.tries(plan.name)) {
          const answer = await tryAlone(plan);
          if (isActive(answer)) return [answer as Answer];
        }
        const commands = commandsOf(plans, true);
        const { replies, evicts } = await ask((connection) => connection.transact(commands));
        return answersOf(plans, true, replies, evicts);
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
