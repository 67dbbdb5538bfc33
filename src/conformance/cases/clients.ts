import { setTimeout as sleep } from 'node:timers/promises';
import { STARTS } from '../bench.ts';
import { type Case, MUST } from '../case.ts';
import type { Wire } from '../wire.ts';

const MANY = 100;
const SOME = 3; // a server may have a limit
const ROUNDS = 20;
const UNREAD_REQUESTS = 20_000;

/** Several clients at once, and one that is idle. */
export const CLIENTS: readonly Case[] = [
  {
    id: 'clients/silent/1',
    on: MUST,
    rule: 'A client that is connected and silent does not hold up others.',
    why: 'Sendmail keeps its connection for the whole SMTP session, and each session has its own process.',
    run: async (bench) => {
      await bench.connect();
      await bench.ask(await bench.connect(), bench.any);
    },
  },
  {
    id: 'clients/unfinished/1',
    on: MUST,
    rule: 'A client whose request is not whole does not hold up others.',
    why: 'The rest may be lost in the network, or never come.',
    run: async (bench) => {
      const wire = await bench.connect();
      wire.send(bench.frame(bench.any.payload).slice(0, -3));
      await bench.ask(await bench.connect(), bench.any);
    },
  },
  {
    id: 'clients/unread/1',
    on: MUST,
    rule: 'A client that does not read its replies does not hold up others.',
    why: 'A write that waits for it stops the server for everybody.',
    run: async (bench) => {
      const wire = await bench.connect();
      wire.pause();
      wire.send(bench.frame(bench.any.payload).repeat(UNREAD_REQUESTS));
      await wire.stuck();
      await bench.ask(await bench.connect(), bench.any);
    },
  },
  {
    id: 'clients/own/1',
    on: MUST,
    rule: 'Each client gets the replies to its own requests.',
    why: 'A reply that goes to another client is a wrong answer about a mailbox.',
    run: async (bench) => {
      const wires: Wire[] = [];
      for (let at = 0; at < SOME; at++) {
        const wire = await bench.connect();
        await bench.ask(wire, bench.any); // the server may start a process for each client
        wires.push(wire);
      }
      const asks = wires.map(async (wire, at) => {
        for (let round = 0; round < ROUNDS; round++) await bench.ask(wire, bench.pair[(at + round) % 2] ?? bench.any);
      });
      await Promise.all(asks);
    },
  },
  {
    id: 'clients/many/1',
    on: { netstring: 'SHOULD', line: 'SHOULD' },
    rule: 'A hundred clients are served at the same time.',
    why: 'Postfix runs up to a hundred smtpd by default (default_process_limit), each with its connection.',
    run: async (bench) => {
      const wires: Wire[] = [];
      const timeoutMs = bench.settings.timeoutMs * STARTS;
      for (let at = 0; at < MANY; at++) wires.push(await bench.connect({ timeoutMs }));
      await Promise.all(wires.map((wire, at) => bench.ask(wire, bench.pair[at % 2] ?? bench.any)));
    },
  },
  {
    id: 'clients/idle/1',
    on: { netstring: 'SHOULD', line: 'MUST' },
    rule: 'A client that was idle for eleven seconds (`--idle`) gets its reply on the same connection.',
    why: 'Postfix itself ends an idle connection after 10 s. Sendmail never does, and answers 451 to the rest of its session if the server closed; OpenSMTPD never connects again.',
    waits: true,
    run: async (bench) => {
      const wire = await bench.connect();
      await bench.ask(wire, bench.any);
      await sleep(bench.settings.idleMs);
      await bench.ask(wire, bench.any);
    },
  },
];
