// Asks whole stores of servers that misbehave, while users come and go. SMMAP_CHAOS_MS makes it longer: 60000 for a minute each.

import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import type { StoreConfig } from '../../src/store/driver.ts';
import { type OpenStore, UNTOLD } from '../../src/store/open.ts';
import { type ChaosServer, randomOf, startChaos, type Tongue, TONGUES } from '../support/chaos.ts';
import { openStore, parseConfig } from '../support/config.ts';

const RUN_MS = Number(process.env['SMMAP_CHAOS_MS'] ?? 2_500);
const SEED = Number(process.env['SMMAP_CHAOS_SEED'] ?? 1);
const IN_FLIGHT = 50;
const MOST_ODD = 0.02; // of all requests; a batch has many
const CALM_MS = 700; // so that the breaker closes now and then
const ENOUGH = 20; // answers of each kind; a busy machine needs longer than RUN_MS for them
const MOST_MS = 8_000; // that it may need longer
const NAMES = Array.from({ length: 60 }, (_, at) => `user${at}`);
const CANARY = 'postmaster@a.test';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

async function openAt(driver: string, port: number): Promise<OpenStore> {
  const config = parseConfig(
    `[store.s]\ndriver = "${driver}"\nserver = "tcp:127.0.0.1:${port}"\ntimeout_ms = 250\ncanary = { mailbox = "${CANARY}" }\n[map.m]\n`,
    'test',
    { socket: '/nowhere/s', store: '/nowhere' },
  );
  const store = await openStore(config.stores.get('s') as StoreConfig, UNTOLD);
  ends.push(() => store.close());
  return store;
}

/** Users, and when each of them came and went last, as a number that grows with each change. */
function createUsers() {
  const present = new Set([CANARY, ...NAMES.slice(0, 30).map((name) => `${name}@a.test`)]);
  const changed = new Map<string, number>();
  let changes = 0;
  return {
    present,
    toggle(address: string): void {
      changed.set(address, ++changes);
      if (!present.delete(address)) present.add(address);
    },
    /** How often this one was changed. If it is the same after a question, nothing changed meanwhile. */
    changeOf: (address: string): number => changed.get(address) ?? 0,
  };
}

/** Misbehaves until the end: each step is one of these, with times of quiet between them. */
async function misbehave(
  chaos: ChaosServer,
  random: () => number,
  toggle: () => void,
  isOver: () => boolean,
): Promise<void> {
  while (!isOver()) {
    const kind = random();
    chaos.odd = random() < 0.6 ? 0 : random() * MOST_ODD;
    if (kind < 0.2) chaos.cut();
    else if (kind < 0.35) {
      chaos.hung = true;
      await sleep(random() * 150);
      chaos.hung = false;
    } else if (kind < 0.5) {
      chaos.lost = true;
      await sleep(random() * 40);
      chaos.lost = false;
    } else for (let at = 0; at < 5; at++) toggle();
    await sleep(random() < 0.2 ? CALM_MS : random() * 100);
    chaos.odd = 0;
  }
}

it.each(Object.entries(TONGUES))(
  '%s never lies about a server that misbehaves',
  { timeout: RUN_MS + MOST_MS + 2_000 },
  async (driver, tongue: Tongue) => {
    const random = randomOf(SEED);
    const users = createUsers();
    const chaos = await startChaos(tongue, users.present, random);
    ends.push(() => chaos.close());
    const store = await openAt(driver, chaos.port);
    const pick = (): string => NAMES[Math.floor(random() * NAMES.length)] as string;
    const said = { found: 0, absent: 0, failed: 0 };
    const lies: string[] = [];
    const begun = performance.now();
    const isOver = (): boolean => {
      const left = RUN_MS - (performance.now() - begun);
      return left < -MOST_MS || (left < 0 && said.found > ENOUGH && said.absent > ENOUGH);
    };
    const client = async (): Promise<void> => {
      while (!isOver()) {
        const local = pick();
        const address = `${local}@a.test`;
        const before = { exists: users.present.has(address), change: users.changeOf(address) };
        try {
          const question = {
            about: 'mailbox',
            local,
            domain: 'a.test',
            exact: false,
            folder: null,
            anyCase: false,
          } as const;
          const answer = await store.lookup(question);
          said[answer === null ? 'absent' : 'found']++;
          const isSure = users.changeOf(address) === before.change;
          if (isSure && (answer !== null) !== before.exists)
            lies.push(`${address}: ${answer === null ? 'absent' : 'found'}`);
        } catch {
          said.failed++;
          await sleep(5);
        }
      }
    };
    await Promise.all([
      misbehave(chaos, random, () => users.toggle(`${pick()}@a.test`), isOver),
      ...Array.from({ length: IN_FLIGHT }, client),
    ]);
    process.stderr.write(
      `${driver}, seed ${SEED}: ${said.found} found, ${said.absent} absent, ${said.failed} failed\n`,
    );
    expect(lies).toEqual([]);
    expect(said.found).toBeGreaterThan(ENOUGH);
    expect(said.absent).toBeGreaterThan(ENOUGH);
  },
);
