import { setTimeout as sleep } from 'node:timers/promises';
import { QUIET_MS, STARTS } from '../bench.ts';
import { type Case, Failure, MUST } from '../case.ts';
import { neither } from '../expect.ts';

const FOR_EXIM = { netstring: 'MUST', line: 'SHOULD' } as const; // OpenSMTPD never ends its half
const CLIENTS = 20;

/** How a connection ends. */
export const CLOSE: readonly Case[] = [
  {
    id: 'close/half/1',
    on: FOR_EXIM,
    rule: 'A client that ends its half behind its request gets its reply.',
    why: 'Exim does so with every lookup: "shutdown=yes" is the default of ${readsocket} (Exim, spec.txt, 11).',
    run: async (bench) => {
      const wire = await bench.connect();
      wire.send(bench.frame(bench.any.payload));
      wire.end();
      bench.any.check(await wire.reply());
    },
  },
  {
    id: 'close/half/2',
    on: FOR_EXIM,
    rule: 'When the client has ended its half and got its reply, the server ends the connection.',
    why: 'Exim reads until the end of the connection, and fails if that does not come within 5 s.',
    run: async (bench) => {
      const wire = await bench.connect();
      wire.send(bench.frame(bench.any.payload));
      wire.end();
      await wire.reply();
      if ((await wire.replyOrEnd()) !== null) throw new Failure('a second reply came');
    },
  },
  {
    id: 'close/half/3',
    on: FOR_EXIM,
    rule: 'All requests before the end of the client get their replies.',
    why: 'The end of input is no reason to forget what came before it.',
    run: async (bench) => {
      const wire = await bench.connect();
      wire.send(bench.pair.map(({ payload }) => bench.frame(payload)).join(''));
      wire.end();
      for (const question of bench.pair) question.check(await wire.reply());
      if ((await wire.replyOrEnd()) !== null) throw new Failure('a reply too much came');
    },
  },
  {
    id: 'close/half/4',
    on: MUST,
    rule: 'A request that is not whole at the end of the client is not answered with OK or NOTFOUND.',
    why: 'The key is not whole, so the reply would be about somebody else.',
    run: async (bench) => {
      const wire = await bench.connect();
      wire.send(bench.frame(bench.any.payload).slice(0, -2));
      wire.end();
      for (const reply of await wire.repliesThatCome()) neither(reply);
    },
  },
  {
    id: 'close/half/5',
    on: FOR_EXIM,
    rule: 'A client that ends without a request gets the end of the connection, and no byte.',
    why: 'Postfix ends an idle connection after 10 s (dict_sockmap.c). A server that does not notice keeps it for ever.',
    run: async (bench) => {
      const wire = await bench.connect();
      wire.end();
      if ((await wire.replyOrEnd()) !== null) throw new Failure('a reply came without a request');
    },
  },
  {
    id: 'close/drop/1',
    on: MUST,
    rule: 'Clients that vanish behind their requests disturb nobody.',
    why: 'A mail server that is killed or that gave up does not read its reply. To write to it is an error (EPIPE) that must not end the server.',
    run: async (bench) => {
      const timeoutMs = bench.settings.timeoutMs * STARTS;
      const wire = await bench.connect({ timeoutMs });
      await bench.ask(wire, bench.any); // the server may start a process for each client
      for (let at = 0; at < CLIENTS; at++) {
        const other = await bench.connect();
        other.send(bench.frame(bench.any.payload).repeat(10));
        other.drop();
      }
      await bench.ask(wire, bench.any);
      await sleep(QUIET_MS); // a server that ends of it may not have met them yet
      await bench.ask(await bench.connect({ timeoutMs }), bench.any);
    },
  },
];
