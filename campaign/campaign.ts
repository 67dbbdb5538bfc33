// A campaign: the daemon with all stores, under load, while faults come as planned.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMissing, findPlace } from '../test/real/part.ts';
import { randomOf } from '../test/support/chaos.ts';
import { type Watcher, watchLoop } from './client.ts';
import { startJudged } from './daemon.ts';
import { type Verdict, type Question, FLAWS, type Flaw, judge, judgeEnd } from './judge.ts';
import { type Asked, startLoad } from './load.ts';
import { startMover, startRoamer } from './mover.ts';
import { type Planned, type Possible, planFaults } from './schedule.ts';
import { type Report, type Tally, createTally } from './tally.ts';
import type { Fault, Target } from './target.ts';
import { type Weather, createWeather } from './weather.ts';
import { type JudgedMap, type World, openWorld } from './world.ts';

export interface Settings {
  readonly root: string;
  readonly parts: string;
  /** The daemon that is judged. */
  readonly main: string;
  readonly seed: number;
  readonly minutes: number;
  /** From one fault to the next, on average. */
  readonly pauseMs: number;
  readonly workers: number;
  readonly clients: number;
  readonly stores: readonly string[];
  /** Kinds of faults; empty for all. */
  readonly only: readonly string[];
  readonly print: (line: string) => void;
}

const PROGRESS_MS = 10_000;
const BEFORE_MS = 2_000; // a fault that ended so long before may still be the reason
const LAST_MS = 500;
const SAID_MS = 1_500; // until the log of the daemon has come that may excuse the end of a connection
const QUIET_MS = 800; // between two faults of a target, also where one took longer than planned

/** Runs it, and prints what it saw. */
export async function runCampaign(settings: Settings): Promise<Tally> {
  const { print } = settings;
  const folder = await mkdtemp(join(tmpdir(), 'campaign-'));
  let world: World | null = null;
  try {
    print('starting the stores');
    world = await openWorld(settings.stores, { root: settings.root, parts: settings.parts, folder });
    return await campaignIn(settings, folder, world);
  } finally {
    await world?.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function campaignIn(settings: Settings, folder: string, world: World): Promise<Tally> {
  const { seed, minutes, print } = settings;
  const startedMs = performance.now();
  const clock = (): number => performance.now() - startedMs;
  const weather = createWeather(clock, settings.workers);
  const tally = createTally(print);
  const watcher = watch(world, weather, tally, clock);
  const faketime = findPlace('libfaketime', settings.parts, 'faketime', [FAKETIME]);
  const missing = [...world.missing, ...(isMissing(faketime) ? ['clock jumps: install faketime'] : [])];
  for (const each of missing) print(`without ${each}`);
  const crashed = (text: string): void =>
    tally.violate({
      flaw: 'crashed',
      atMs: clock(),
      text,
      faults: weather.tell(['smmap'], clock() - BEFORE_MS, clock()),
    });
  const judged = await startJudged({
    folder,
    main: settings.main,
    stores: world.lines,
    workers: settings.workers,
    faketime: isMissing(faketime) ? null : join(faketime.root, FAKETIME),
    onKill: () => weather.kill(),
    onStop: () => weather.stop(),
    onStall: (forMs) => weather.stoodStill('smmap', forMs),
    onCrash: crashed,
  });
  const random = randomOf(seed + 1);
  const maps = [...world.maps.keys()];
  const next = (map: string): Asked => world.next(map, random);
  const loop = watchLoop(clock, (forMs) => weather.stoodStill('the campaign', forMs));
  const load = startLoad(judged.socket, settings.clients, random, clock, loop, maps, next, watcher);
  const movers = [
    ...world.writables.map((each) => startMover(each, random, clock)),
    ...world.pairs.map(({ from, to, keys }) => startRoamer(from, to, keys, clock)),
  ];
  const progress = setInterval(() => {
    print(`${Math.round(clock() / 1_000)} s: ${tally.line()}`);
  }, PROGRESS_MS);
  try {
    await letCome(settings, [judged, ...world.writables.map(({ target }) => target)], world, weather, clock, (error) =>
      crashed(`${error.message}: ${String(error.cause)}`),
    );
    for (const each of movers) await each.stop();
    await load.stop();
    await sleep(2 * SAID_MS);
  } finally {
    clearInterval(progress);
    loop.stop();
    await judged.stop();
  }
  const written = movers.reduce((sum, each) => sum + each.written, 0);
  print(tally.report({ seed, minutes, faults: weather.counts(), written, missing, again: commandOf(settings) }));
  return tally;
}

const FAKETIME = 'usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1';

/** What a target can have, as a plan wants it. */
export function possibleOf(targets: readonly Target[], only: readonly string[]): readonly Possible[] {
  return targets.flatMap(({ name, faults }) =>
    Object.entries(faults)
      .filter(([kind]) => only.length === 0 || only.includes(kind))
      .map(([kind, { holdMs }]) => ({ target: name, kind, holdMs })),
  );
}

/** Lets the planned faults come, each at its time, and ends them. */
async function letCome(
  { seed, minutes, pauseMs, only }: Settings,
  targets: readonly Target[],
  world: World,
  weather: Weather,
  clock: () => number,
  failed: (error: Error) => void,
): Promise<void> {
  const lengthMs = minutes * 60_000;
  const plan = planFaults(seed, lengthMs, possibleOf(targets, only), pauseMs);
  const beginMs = clock();
  const turns = new Map<string, Promise<void>>(targets.map(({ name }) => [name, Promise.resolve()]));
  for (const planned of plan) {
    await sleep(Math.max(0, beginMs + planned.atMs - clock()));
    const before = turns.get(planned.target) as Promise<void>;
    const mine = before.then(() => suffer(planned, targets, world, weather, clock));
    turns.set(
      planned.target,
      mine.catch((error: unknown) => failed(error as Error)),
    );
  }
  await Promise.all(turns.values());
  await sleep(Math.max(LAST_MS, beginMs + lengthMs - clock()));
}

async function suffer(
  planned: Planned,
  targets: readonly Target[],
  world: World,
  weather: Weather,
  clock: () => number,
): Promise<void> {
  const target = targets.find(({ name }) => name === planned.target) as Target;
  const fault = target.faults[planned.kind] as Fault;
  const work = async (): Promise<void> => {
    const over = weather.began(planned, clock());
    try {
      const end = await fault.begin(planned.luck);
      await sleep(planned.holdMs);
      await end();
    } catch (error) {
      throw new Error(`fault #${planned.number}, ${planned.kind} of ${planned.target}, failed`, { cause: error });
    } finally {
      over();
    }
  };
  const writable = world.writables.find((each) => each.target === target);
  await (fault.alone === true && writable !== undefined ? writable.turn(work) : work());
  await sleep(QUIET_MS);
}

/** Judges what the clients see. */
function watch(world: World, weather: Weather, tally: Report, clock: () => number): Watcher {
  const mapOf = (question: Question): JudgedMap => world.maps.get(question.map) as JudgedMap;
  const isFlaw = (verdict: Verdict): verdict is Flaw => (FLAWS as readonly string[]).includes(verdict);
  const settle = (verdict: Verdict, question: Question, nowMs: number, got: string): void => {
    if (!isFlaw(verdict)) return tally.add(verdict, question, nowMs);
    const { history, targets } = mapOf(question);
    const when = `asked at ${Math.round(question.sentMs)} ms, ${Math.round(nowMs - question.sentMs)} ms later`;
    tally.violate({
      flaw: verdict,
      atMs: nowMs,
      text: `${question.map} ${question.key}: ${when} ${got}; ${history.tell(question.key)}`,
      faults: weather.tell(['smmap', ...targets], question.sentMs - BEFORE_MS, nowMs),
    });
  };
  return {
    answered(question, answer) {
      const { history, ages } = mapOf(question);
      let verdict = judge(history, ages, question, answer);
      if (verdict === 'late' && weather.interrupted(question, answer)) {
        const said = judge(history, ages, question, { ...answer, notBeforeMs: question.sentMs });
        verdict = isFlaw(said) ? said : 'interrupted';
      }
      settle(verdict, question, answer.nowMs, `"${answer.payload}"`);
    },
    ended(question, oldestMs, nowMs) {
      const judged = (): Verdict => judgeEnd(question, oldestMs, nowMs, weather);
      const end = (verdict: Verdict): void => settle(verdict, question, nowMs, 'the connection ended');
      if (isFlaw(judged())) setTimeout(() => end(judged()), SAID_MS);
      else end(judged());
    },
    broken(flaw, question, text) {
      if (question !== null) settle(flaw, question, clock(), text);
      else {
        const faults = weather.tell(['smmap'], clock() - BEFORE_MS, clock());
        tally.violate({ flaw, atMs: clock(), text, faults });
      }
    },
  };
}

function commandOf({ seed, minutes, pauseMs, workers, clients, stores, only }: Settings): string {
  const kinds = only.length === 0 ? '' : ` --only ${only.join(',')}`;
  return `npm run campaign -- --seed ${seed} --minutes ${minutes} --pause ${pauseMs} --workers ${workers} --clients ${clients} --stores ${stores.join(',')}${kinds}`;
}
