import { saying } from '../../../message.ts';
import { CanaryError } from '../../guard/canary.ts';
import { QuestionError, StoreError } from '../../store.ts';
import type { Verdict } from './auth.ts';

/** Asks the server for names, all in one write. */
export type Ask = (names: readonly string[]) => Promise<readonly Verdict[]>;

const SECOND_MS = 1_000;

/**
 * Which of the names exist. An absence needs a proof, because Dovecot looks once a second whether its passwd-file has
 * changed. If the file is gone, the first question of each second gets NOTFOUND, whoever it is about, and the others
 * are answered from memory. So a canary that is asked later in this second is found, and proves nothing.
 *
 * So each absent name is asked twice, each time behind the canaries, and all of that within one second. Then Dovecot
 * begins at most one new second on the way. If the first answer is the first one of a second, then the second answer is
 * not, and the other way round: at least one of the two comes from a file that has the canaries, too.
 *
 * Throws CanaryError if a canary is absent, and StoreError if Dovecot fails for it. A name in doubt is a StoreError.
 */
export async function prove(
  ask: Ask,
  names: readonly string[],
  canaries: readonly string[],
): Promise<readonly (boolean | StoreError)[]> {
  const begun = performance.now();
  const first = await askBehind(ask, canaries, names);
  const doubtful = names.filter((_, at) => first[at] === 'absent');
  const again = doubtful.length === 0 ? [] : await askBehind(ask, canaries, doubtful);
  const tookMs = performance.now() - begun;
  const second = new Map(doubtful.map((name, at) => [name, again[at] as Verdict]));
  return names.map((name, at) => {
    const verdict = second.get(name) ?? first[at];
    if (verdict === 'found') return true;
    if (verdict === 'failed') return new QuestionError('Dovecot answers FAIL: its log says why');
    if (tookMs < SECOND_MS) return false;
    return new StoreError(saying`Dovecot took ${Math.round(tookMs)} ms for two answers, so an absence is not certain`);
  });
}

async function askBehind(ask: Ask, canaries: readonly string[], names: readonly string[]): Promise<readonly Verdict[]> {
  const verdicts = await ask([...canaries, ...names]);
  canaries.forEach((canary, at) => {
    if (verdicts[at] === 'absent') throw new CanaryError(saying`the canary ${canary} is not found`);
    if (verdicts[at] === 'failed') throw new StoreError(saying`Dovecot answers FAIL for the canary ${canary}`);
  });
  return verdicts.slice(canaries.length);
}
