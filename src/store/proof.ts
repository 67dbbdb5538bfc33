import { type Said, saying } from '../message.ts';
import { CanaryError } from './guard/canary.ts';
import { StoreError } from './store.ts';

/** What a server says of a question. `null`: it does not have that. */
export type Told<T> = T | null | StoreError;

/** How absences of a server are proved. */
export interface Proving<Q, T> {
  /** Asks the server, on one connection, in this order. */
  ask(questions: readonly Q[]): Promise<readonly Told<T>[]>;
  /** The server may answer in another order. Then the canaries are awaited before anything is asked behind them. */
  readonly anyOrder?: boolean;
  /** What the server must have, for the absence of this to count. None: the absence counts as it is. */
  canariesOf(question: Q): readonly Q[];
  /** The same name as another program may have written it. Either one will do for a canary. */
  otherSpelling(question: Q): Q | null;
  nameOf(question: Q): string | Said;
}

const SECOND_MS = 1_000;
const MOST_ASKED = 3; // more would double the work of a server that is slow because it has too much of it

/**
 * What a server has. Of each absent name it is asked twice, each time behind the canaries, because Dovecot looks once a
 * second whether its passwd-file has changed. If the file is gone, the first question of each second gets NOTFOUND,
 * whoever it is about, and the others are answered from memory. So a canary that is asked later in this second is found,
 * and proves nothing.
 *
 * Both answers must come within one second. Then Dovecot begins at most one new second on the way. If the first answer
 * is the first one of a second, then the second answer is not, and the other way round: at least one of the two comes
 * from a file that has the canaries, too. If they took longer, as when the machine stood still for a moment, Dovecot is
 * asked once more, and the last two answers count.
 *
 * A question that comes alone is asked without the canaries before that. Most are found, and what is found needs no
 * proof; the canaries would double the work of the server.
 */
export async function proveTwice<Q, T>(questions: readonly Q[], proving: Proving<Q, T>): Promise<readonly Told<T>[]> {
  const [only, ...others] = questions;
  if (only !== undefined && others.length === 0) {
    const told = await proving.ask(questions);
    if (told[0] !== null || proving.canariesOf(only).length === 0) return told;
  }
  let begun = performance.now();
  let told = await askBehind(questions, proving);
  for (let asked = 2; ; asked++) {
    const begunAgain = performance.now();
    told = await confirm(questions, told, proving);
    const tookMs = Math.round(performance.now() - begun);
    if (tookMs < SECOND_MS) return told;
    if (asked === MOST_ASKED) return told.map((each, at) => proven(each, questions[at] as Q, tookMs, proving));
    begun = begunAgain;
  }
}

/** What is told, but an absence that canaries should prove is an error: its two answers took over a second. */
function proven<Q, T>(told: Told<T>, question: Q, tookMs: number, proving: Proving<Q, T>): Told<T> {
  if (told !== null || proving.canariesOf(question).length === 0) return told;
  return new StoreError(saying`the server took ${tookMs} ms for two answers, so an absence is not certain`);
}

/**
 * Asks again, behind the canaries, for what is absent by `told`. A connection may lead to a process or a machine that has
 * lost its data, while another one finds the canaries.
 */
export async function confirm<Q, T>(
  questions: readonly Q[],
  told: readonly Told<T>[],
  proving: Proving<Q, T>,
): Promise<readonly Told<T>[]> {
  const absent = questions.filter((question, at) => told[at] === null && proving.canariesOf(question).length > 0);
  if (absent.length === 0) return told;
  const again = await askBehind(absent, proving);
  const outcomes = new Map(absent.map((question, at) => [question, again[at] as Told<T>]));
  return questions.map((question, at) => outcomes.get(question) ?? (told[at] as Told<T>));
}

/** Asks for the canaries first. An absence whose canaries are not all found is an error. */
async function askBehind<Q, T>(questions: readonly Q[], proving: Proving<Q, T>): Promise<readonly Told<T>[]> {
  if (questions.length === 0) return [];
  const canaries = [...new Set(questions.flatMap((question) => proving.canariesOf(question)))];
  const spellings = canaries.map((canary) => [canary, proving.otherSpelling(canary)].filter((each) => each !== null));
  const before = spellings.flat();
  const rest =
    proving.anyOrder === true && before.length > 0
      ? [...(await proving.ask(before)), ...(await proving.ask(questions))]
      : [...(await proving.ask([...before, ...questions]))];
  const flaws = new Map(
    spellings.map((same, at) => {
      const told = rest.splice(0, same.length);
      const best = told.find((each) => each !== null && !(each instanceof StoreError)) ?? told[0];
      const canary = canaries[at] as Q;
      return [canary, flawOf(best, proving.nameOf(canary))];
    }),
  );
  return rest.map((told, at) => {
    if (told !== null) return told;
    const wrong = proving.canariesOf(questions[at] as Q).find((canary) => flaws.get(canary) !== null);
    return wrong === undefined ? null : (flaws.get(wrong) as StoreError);
  });
}

function flawOf(told: unknown, name: string | Said): StoreError | null {
  if (told === null) return new CanaryError(saying`the canary ${name} is not found`);
  if (!(told instanceof StoreError)) return null;
  return new StoreError(saying`the canary ${name} cannot be asked for: ${told}`, { cause: told });
}
