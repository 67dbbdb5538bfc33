import type { Answer, Question } from '../../vocabulary.ts';
import { parseQuestion } from './cache-key.ts';
import type { Name } from './warm-names.ts';

/** What is kept for one question. */
export interface Kept {
  readonly question: Question;
  readonly answer: Answer | { readonly failed: string };
  readonly ageMs: number;
  /** How much longer it is answered; 0: the store is asked first. */
  readonly leftMs: number;
  /** How much longer it is answered if the store fails. */
  readonly staleLeftMs: number;
}

/** What somebody sees of a cache, and how many answers more there are. */
export interface Shown {
  readonly kept: Kept[];
  readonly leftOut: number;
}

/** How long an answer is repeated, also if the store fails. */
interface Lives {
  readonly lifeMs: number;
  readonly lifeStaleMs: number;
}

/** Collects at most `most` answers that may still be given. */
export function createShown(most: number, now: number) {
  const kept: Kept[] = [];
  let leftOut = 0;
  return {
    /** `asked`: the key of a question, or the mailbox that it asks for. */
    add(asked: string | Name, answer: Kept['answer'], at: number, { lifeMs, lifeStaleMs }: Lives): void {
      const ageMs = now - at;
      const [leftMs, staleLeftMs] = [Math.max(0, lifeMs - ageMs), Math.max(0, lifeStaleMs - ageMs)];
      if (leftMs === 0 && staleLeftMs === 0) return;
      if (kept.length < most) kept.push({ question: questionOf(asked), answer, ageMs, leftMs, staleLeftMs });
      else leftOut++;
    },
    all: (): Shown => ({ kept, leftOut }),
  };
}

function questionOf(asked: string | Name): Question {
  if (typeof asked === 'string') return parseQuestion(asked);
  return { about: 'mailbox', ...asked, exact: false, folder: null, anyCase: false };
}
