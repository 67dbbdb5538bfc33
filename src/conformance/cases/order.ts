import { type Case, MUST } from '../case.ts';

const MANY = 100;
const IN_A_ROW = 20;

/** Several requests on one connection. */
export const ORDER: readonly Case[] = [
  {
    id: 'order/connection/1',
    on: MUST,
    rule: 'A connection takes one request after the other.',
    why: 'Sendmail has one connection for each process, and Postfix keeps one for 100 s (dict_sockmap.c).',
    run: async (bench) => {
      const wire = await bench.connect();
      for (let at = 0; at < IN_A_ROW; at++) await bench.ask(wire, bench.pair[at % 2] ?? bench.any);
    },
  },
  {
    id: 'order/pipeline/1',
    on: MUST,
    rule: 'Two requests that come together get two replies, in their order.',
    why: 'After a timeout, Sendmail asks the next question on the same connection while the first one is still there (seen with 8.17: syserr() leaves socket_map_lookup() before it closes). If one is lost or they are exchanged, a mailbox gets the reply to another.',
    run: async (bench) => {
      const wire = await bench.connect();
      wire.send(bench.pair.map(({ payload }) => bench.frame(payload)).join(''));
      for (const question of bench.pair) question.check(await wire.reply());
      await bench.nothingElse(wire, bench.pair[0]);
    },
  },
  {
    id: 'order/pipeline/2',
    on: MUST,
    rule: 'A hundred requests that come together get a hundred replies, in their order.',
    why: 'As for two. A server that reads into a fixed buffer fails only here.',
    run: async (bench) => {
      const wire = await bench.connect();
      const questions = Array.from({ length: MANY }, (_, at) => bench.pair[(at >> 1) % 2] ?? bench.any);
      wire.send(questions.map(({ payload }) => bench.frame(payload)).join(''));
      for (const question of questions) question.check(await wire.reply());
      await bench.nothingElse(wire, bench.pair[0]);
    },
  },
];
