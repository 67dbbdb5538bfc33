import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { describe, expect, onTestFinished, test } from 'vitest';
import { IS_CAMPAIGN, LONG } from '../support/long.ts';
import { connectTo, request } from './client.ts';
import { type Daemon, makeFolder, serve } from './daemon.ts';
import { type Asked, type Outcome, askAnew, askOnOne, noOutcome } from './patience.ts';

/** No answer may come later than its mail server waits, since it would be taken for the answer to its next question. */

const LIMIT_MS = 60_000;
const MANY = Array.from({ length: 3_300 }, (_, at) => at);

async function serveFred(): Promise<Daemon> {
  const folder = await makeFolder();
  return serve({
    folder,
    config: `
      listen.mta.path = "${join(folder, 'smmap.sock')}"
      store.fixed = { driver = "memory", mailboxes = ["fred@example.org"] }`,
  });
}

/** Fred, who exists, and then somebody who does not, and so on. */
function inTurn(): () => Asked {
  let count = 0;
  return () =>
    count++ % 2 === 0
      ? { key: 'fred@example.org', exists: true }
      : { key: `nobody${count}@example.org`, exists: false };
}

function expectNoneLate(outcome: Outcome): void {
  process.stderr.write(`${expect.getState().currentTestName}: ${JSON.stringify(outcome)}\n`);
  expect(outcome.wrong).toEqual([]);
  expect(outcome.late).toBe(0);
}

/** New clients one after the other, each with one question. */
async function askAsNewcomers(daemon: Daemon, next: () => Asked, forMs: number, outcome: Outcome): Promise<void> {
  const until = performance.now() + forMs;
  while (performance.now() < until) {
    await askAnew(daemon.socket, next(), outcome);
    await sleep(50);
  }
}

describe('no reply is late, and no client takes a reply for the answer to another question', LONG, () => {
  test.each(IS_CAMPAIGN ? [30, 90] : [90])(
    'if SQLite takes 0.1 s for each question, with %i clients',
    async (clients) => {
      const folder = await makeFolder();
      const db = new Database(join(folder, 'mail.db'));
      db.exec('create table mailboxes (address text primary key)');
      const insert = db.prepare('insert into mailboxes values (?)');
      for (let at = 0; at < clients; at++) insert.run(`user${at}@example.org`);
      db.close();
      const slow = 'with recursive c(x) as (select 1 union all select x + 1 from c where x < 700000)';
      const daemon = await serve({
        folder,
        config: `
          listen.mta.path = "${join(folder, 'smmap.sock')}"
          [store.slow]
          driver = "sqlite"
          path = "${join(folder, 'mail.db')}"
          mailbox = """${slow} select address from mailboxes where address = :address and (select max(x) from c) > 0"""`,
      });
      const outcome = noOutcome();
      const until = performance.now() + 12_000;
      const ask = (client: number): Promise<void> => {
        let count = 0;
        const next = (): Asked =>
          count++ % 2 === 0
            ? { key: `user${client}@example.org`, exists: true }
            : { key: `nobody${client}-${count}@example.org`, exists: false };
        return askOnOne(daemon.socket, next, until, outcome);
      };
      await Promise.all(Array.from({ length: clients }, (_, client) => ask(client)));
      expectNoneLate(outcome);
      expect(outcome.ok).toBeGreaterThan(0);
    },
    LIMIT_MS,
  );

  test(
    'if a thousand clients ask at once and never read',
    async () => {
      const daemon = await serveFred();
      const asked = Buffer.concat(Array.from({ length: 4_000 }, () => request('m', 'fred@example.org')));
      for (let at = 0; at < 1_000; at++) {
        const deaf = await connectTo(daemon.socket);
        onTestFinished(() => deaf.close());
        deaf.socket.pause();
        deaf.socket.write(asked);
      }
      const outcome = noOutcome();
      await askAsNewcomers(daemon, inTurn(), 6_000, outcome);
      expectNoneLate(outcome);
      expect(outcome.ok).toBeGreaterThan(0);
    },
    LIMIT_MS,
  );

  test.each([
    ['a domain that takes long in Punycode', `x@${String.fromCharCode(...MANY.map((at) => 0x4e00 + at * 6))}.example`],
    ['combining marks that take long to compose', `a${'\u0301\u0327'.repeat(2_400)}@example.org`],
  ])(
    'beside 400 clients that ask for %s',
    async (_, key) => {
      const daemon = await serveFred();
      const busy = noOutcome();
      const until = performance.now() + 6_000;
      const asking = Array.from({ length: 400 }, () =>
        askOnOne(daemon.socket, () => ({ key, exists: false }), until, busy),
      );
      const outcome = noOutcome();
      await askAsNewcomers(daemon, inTurn(), 6_000, outcome);
      await Promise.all(asking);
      expectNoneLate(outcome);
      expectNoneLate(busy);
      expect(outcome.ok).toBeGreaterThan(0);
    },
    LIMIT_MS,
  );

  // A stop between the last look at the clock and write(2) delays that answer by its length, and nothing can prevent it. So the stops
  // are shorter than what lies between the age at which nothing is answered any more and the patience of a mail server.
  test.each([
    ...(IS_CAMPAIGN ? [['on connections that they keep', false] as const] : []),
    ['on a new connection each time', true] as const,
  ])(
    'if the daemon runs only 2 ms of each 0.3 s, with 60 clients that ask %s',
    async (_, anew) => {
      const daemon = await serveFred();
      const outcome = noOutcome();
      const until = performance.now() + 7_000;
      const asking = Array.from({ length: 60 }, () =>
        anew ? askAsNewcomers(daemon, inTurn(), 7_000, outcome) : askOnOne(daemon.socket, inTurn(), until, outcome),
      );
      const done = new AbortController();
      const throttle = async (): Promise<void> => {
        while (!done.signal.aborted) {
          daemon.signal('SIGSTOP');
          await sleep(300);
          daemon.signal('SIGCONT');
          await sleep(2);
        }
      };
      const throttling = throttle();
      await Promise.all(asking);
      done.abort();
      await throttling;
      expectNoneLate(outcome);
    },
    LIMIT_MS,
  );
});

test.each([5_000, 6_000])(
  'a daemon that stood still for %i ms answers later requests, and closes no connection',
  async (stoppedMs) => {
    const daemon = await serveFred();
    const kept = await connectTo(daemon.socket);
    onTestFinished(() => kept.close());
    expect(await kept.ask('m', 'fred@example.org')).toBe('OK fred@example.org');
    daemon.signal('SIGSTOP');
    await sleep(stoppedMs);
    daemon.signal('SIGCONT');
    await daemon.logged('stalled');
    const outcome = noOutcome();
    const until = performance.now() + 1_500;
    await Promise.all(
      Array.from({ length: 30 }, (_, at) =>
        at % 2 === 0
          ? askOnOne(daemon.socket, inTurn(), until, outcome)
          : askAsNewcomers(daemon, inTurn(), 1_500, outcome),
      ),
    );
    expect(await kept.ask('m', 'fred@example.org')).toBe('OK fred@example.org');
    expectNoneLate(outcome);
    expect([outcome.temp, outcome.ended]).toEqual([0, 0]);
  },
  LIMIT_MS,
);
