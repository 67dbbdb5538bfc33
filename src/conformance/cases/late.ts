import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, Stoppable } from '../bench.ts';
import { type Case, MUST } from '../case.ts';
import { neither } from '../expect.ts';

const SHORT_MS = 500;

/** Stops the server while something is done, and lets it go on whatever happened. */
async function stopped(bench: Bench, work: () => Promise<void>): Promise<void> {
  const server = bench.settings.server as Stoppable; // the case needs it
  server.stop();
  try {
    await work();
  } finally {
    server.resume();
  }
}

/** What a server says when it could not run for a while: it was stopped, swapped out, or waited for something. */
export const LATE: readonly Case[] = [
  {
    id: 'late/answer/1',
    on: { netstring: 'SHOULD' },
    needs: 'server',
    rule: 'A request that is older than 31 seconds (`--late`) is not answered with OK or NOTFOUND.',
    why: 'Sendmail gives up after 30 s (map.c), asks the next question on the same connection, and takes the late answer for it: 250 for a mailbox that does not exist (seen with 8.17).',
    run: async (bench) => {
      const wire = await bench.connect();
      await bench.ask(wire, bench.any);
      await sleep(SHORT_MS); // until the server waits for the next one, and its timer for that runs
      await stopped(bench, async () => {
        wire.send(bench.frame(bench.any.payload));
        await sleep(bench.settings.lateMs);
      });
      for (const reply of await wire.repliesThatCome(1)) neither(reply);
    },
  },
  {
    id: 'late/next/1',
    on: MUST,
    needs: 'server',
    rule: 'A server that was stopped and continued answers new clients.',
    why: 'A laptop sleeps, and a virtual machine is moved.',
    run: async (bench) => {
      await stopped(bench, () => sleep(SHORT_MS));
      await bench.ask(await bench.connect(), bench.any);
    },
  },
  {
    id: 'late/order/1',
    on: MUST,
    needs: 'server',
    rule: 'Requests that came while the server stood still are answered in their order.',
    why: 'The server finds all of them in one read.',
    run: async (bench) => {
      const wire = await bench.connect();
      await stopped(bench, async () => {
        for (const { payload } of bench.pair) wire.send(bench.frame(payload));
        await sleep(SHORT_MS);
      });
      for (const question of bench.pair) question.check(await wire.reply());
    },
  },
];
