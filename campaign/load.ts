// Clients that ask as mail servers do, and as they should not: one by one, many at once, with half a connection, in a hurry.

import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, type Loop, type Watcher, openClient } from './client.ts';

export interface Asked {
  readonly map: string;
  readonly key: string;
}

export interface Load {
  /** Lets the clients end, with the answers to what they have asked. */
  stop(): Promise<void>;
}

const RETRY_MS = 20;
const MOST_AT_ONCE = 20;
const REST_MS = 12;

/** Keeps so many clients asking for what `next` says; most connections ask one map of `maps` only, as Postfix's do. */
export function startLoad(
  path: string,
  clients: number,
  random: () => number,
  clock: () => number,
  loop: Loop,
  maps: readonly string[],
  next: (map: string) => Asked,
  watcher: Watcher,
): Load {
  const end = new AbortController();
  const anyMap = (): string => maps[Math.floor(random() * maps.length)] as string;
  const rest = (): Promise<void> => sleep(random() * REST_MS);

  /** Asks for some keys, of one map or, without it, of any. */
  type Ask = (client: Client, most: number) => Promise<void>;
  const askFor = (map: string | null): Ask => {
    const one = (): Asked => next(map ?? anyMap());
    return (client, most) => client.ask(Array.from({ length: 1 + Math.floor(random() * most) }, one));
  };
  /** Asks until its time is over, one by one or many at once. */
  const stay = async (client: Client, ask: Ask, most: number): Promise<void> => {
    for (
      const untilMs = clock() + 1_000 + random() * 7_000;
      !end.signal.aborted && !client.over && clock() < untilMs;
      await rest()
    ) {
      await ask(client, most);
    }
  };
  const habits: readonly ((client: Client, ask: Ask) => Promise<void>)[] = [
    (client, ask) => stay(client, ask, 1),
    (client, ask) => stay(client, ask, MOST_AT_ONCE),
    async (client, ask) => {
      const answered = ask(client, MOST_AT_ONCE);
      client.half();
      await answered;
    },
    async (client, ask) => {
      void ask(client, MOST_AT_ONCE);
      await sleep(random() * 5);
      client.leave();
    },
  ];
  const run = async (number: number): Promise<void> => {
    while (!end.signal.aborted) {
      try {
        const client = await openClient(path, clock, loop.notBeforeMs, watcher);
        // Half of the clients stay with one connection for seconds; the others do one thing and go.
        const habit = number % 2 === 0 ? Math.floor(random() * 2) : Math.floor(random() * habits.length);
        // A slow store delays what is asked behind it on its connection: one in four has all maps on one.
        const ask = askFor(number % 4 === 3 ? null : anyMap());
        await (habits[habit] as (typeof habits)[0])(client, ask);
        client.leave();
        await rest();
      } catch {
        await sleep(RETRY_MS); // nobody listens
      }
    }
  };
  const all = Promise.all(Array.from({ length: clients }, (_, number) => run(number)));
  return {
    async stop() {
      end.abort();
      await all;
    },
  };
}
