import { QuestionError } from '../../store.ts';
import type { HttpResponse } from './response.ts';

/** Keeps us from asking a server that has asked us to wait. */
export interface Pause {
  /** Throws QuestionError until the time is over. So the breaker does not count it as an outage. */
  throwIfPaused(): void;
  /** Throws QuestionError if a response asks us to wait (status 429, RFC 6585), and remembers for how long. */
  heed(response: HttpResponse): void;
}

const SHORTEST_MS = 1_000; // for a server that does not say how long
const LONGEST_MS = 600_000; // a mistaken date does not stop us for a year

export function createPause(now: () => number = Date.now): Pause {
  let until = 0;
  const secondsLeft = (): number => Math.ceil((until - now()) / 1_000);
  return {
    throwIfPaused() {
      const rest = secondsLeft();
      if (rest > 0) throw new QuestionError(`not asked: the server wants to be asked again in ${rest} s`);
    },
    heed({ status, headers }) {
      if (status !== 429) return;
      until = Math.max(until, now() + waitMs(headers['retry-after'], now()));
      const rest = secondsLeft();
      throw new QuestionError(`status 429: the server wants to be asked again in ${rest} s`);
    },
  };
}

/** The time that Retry-After asks for, in seconds or as a date (RFC 9110, section 10.2.3). */
function waitMs(said: string | readonly string[] | undefined, now: number): number {
  const text = typeof said === 'string' ? said.trim() : '';
  const ms = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - now;
  return Number.isNaN(ms) ? SHORTEST_MS : Math.min(Math.max(ms, SHORTEST_MS), LONGEST_MS);
}
