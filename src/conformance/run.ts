import { setTimeout as sleep } from 'node:timers/promises';
import { type Bench, type Question, type Settings, lacks, openBench } from './bench.ts';
import { type Case, Failure, type Level } from './case.ts';
import { type Word, legal } from './expect.ts';
import { type Passed, openWire } from './wire.ts';

/** What a case showed. */
export interface Result {
  readonly case: Case;
  readonly level: Level;
  readonly verdict: 'passed' | 'failed' | 'skipped';
  /** Why it failed or was skipped. */
  readonly why: string | null;
  readonly ms: number;
  readonly passed: readonly Passed[];
}

/** The cases of a protocol whose ids match one of the patterns, in which `*` stands for anything. A group is one, too. */
export function chosen(
  cases: readonly Case[],
  { protocol }: Pick<Settings, 'protocol'>,
  only: readonly string[],
): Case[] {
  const patterns = only.map((glob) => new RegExp(`^${glob.split('*').map(escaped).join('.*')}(?:/|$)`));
  const matches = ({ id }: Case): boolean => patterns.length === 0 || patterns.some((pattern) => pattern.test(id));
  return cases.filter((each) => each.on[protocol] !== undefined && matches(each));
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

/**
 * Runs those that wait first, all at once, and then the others one after the other. Resolves to their results in the order of the
 * cases. `begun` hears of each case. `revive` is called after each that failed: it may have left a server that is harmed, and
 * the next one is not to fail for that. If the server answers nobody even so, all that is left fails at once.
 */
export async function runCases(
  cases: readonly Case[],
  settings: Settings,
  begun: (each: Case) => void = () => {},
  revive: () => Promise<void> = async () => {},
): Promise<Result[]> {
  const results = new Map<Case, Result>();
  let gone: string | null = null;
  const run = async (some: readonly Case[]): Promise<void> => {
    const done = some.map(async (each) => {
      begun(each);
      const result = gone === null ? await runCase(each, settings) : notRun(each, settings, gone);
      results.set(each, result);
      return result;
    });
    const hasFailed = (await Promise.all(done)).some(({ verdict }) => verdict === 'failed');
    if (!hasFailed || gone !== null) return;
    await revive();
    gone = await answers(settings);
  };
  await run(cases.filter(({ waits }) => waits));
  for (const each of cases.filter(({ waits }) => !waits)) await run([each]);
  return cases.flatMap((each) => results.get(each) ?? []);
}

function notRun(each: Case, settings: Settings, gone: string): Result {
  const level = each.on[settings.protocol] as Level;
  const lack = lacks(each.needs, settings);
  if (lack !== null) return { case: each, level, verdict: 'skipped', why: lack, ms: 0, passed: [] };
  const why = `not run, because the server does not answer a plain request: ${gone}`;
  return { case: each, level, verdict: 'failed', why, ms: 0, passed: [] };
}

async function runCase(each: Case, settings: Settings): Promise<Result> {
  const level = each.on[settings.protocol] as Level;
  const passed: Passed[] = [];
  const startedAt = performance.now();
  const end = (verdict: Result['verdict'], why: string | null): Result => {
    return { case: each, level, verdict, why, ms: Math.round(performance.now() - startedAt), passed };
  };
  const lack = lacks(each.needs, settings);
  if (lack !== null) return end('skipped', lack);
  const bench = openBench(settings, (one) => passed.push(one));
  try {
    await each.run(bench);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return end('failed', error.message);
  } finally {
    bench.close();
  }
  const after = await answers(settings);
  return after === null ? end('passed', null) : end('failed', `afterwards a new client got no answer: ${after}`);
}

const TRIES = 3;
const TRY_MS = 300;

/** Null if the server answers a new client. Otherwise why not. It may end a connection, so it is asked again. */
export async function answers(settings: Settings): Promise<string | null> {
  let why = await answersOnce(settings);
  for (let tries = 1; why !== null && tries < TRIES; tries++) {
    await sleep(TRY_MS);
    why = await answersOnce(settings);
  }
  return why;
}

async function answersOnce(settings: Settings): Promise<string | null> {
  const word = await wordFor(settings, ({ any }) => any);
  return word instanceof Failure ? word.message : null;
}

/** What is strange about the keys that were given: the server replies otherwise, and cases fail for that. */
export async function doubtsAbout(settings: Settings): Promise<string[]> {
  const { map, known, unknown } = settings;
  const doubts: string[] = [];
  const check = async (option: string, of: 'known' | 'unknown', right: Word): Promise<void> => {
    const word = await wordFor(settings, (bench) => bench[of]);
    if (word instanceof Failure || word === right) return;
    doubts.push(`${option} ${settings[of]}: the reply of the map ${map} is ${word}, and not ${right}`);
  };
  if (known !== null) await check('--known', 'known', 'OK');
  if (unknown !== null) await check('--unknown', 'unknown', 'NOTFOUND');
  return doubts;
}

/** The word of the reply that a new client gets, or why there is none. */
async function wordFor(settings: Settings, questionOf: (bench: Bench) => Question): Promise<Word | Failure> {
  const bench = openBench(settings, () => {});
  try {
    const wire = await bench.connect();
    wire.send(bench.frame(questionOf(bench).payload));
    return legal(await wire.reply());
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return error;
  } finally {
    bench.close();
  }
}

/** Whether something listens there. */
export async function listens({ endpoint, protocol, timeoutMs }: Settings): Promise<string | null> {
  try {
    (await openWire(endpoint, { protocol, timeoutMs, number: 0, passed: () => {} })).drop();
    return null;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return error.message;
  }
}
