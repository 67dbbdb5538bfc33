import { saying, saidOf } from '../../message.ts';
import type { About, Answer } from '../../vocabulary.ts';
import { StoreError } from '../store.ts';

/** An answer that is kept. */
export interface Said {
  readonly answer: Answer;
  readonly at: number;
  /** Answers with the same number are as of one moment. */
  readonly moment: number;
}

/** A failure that is kept. */
export interface Failure {
  readonly cause: unknown;
  readonly at: number;
}

/**
 * Whether an answer can only accept mail. A mailbox that is not active may be refused, a domain may have the wrong
 * class, and a table may say REJECT: those are as serious as an absence.
 */
export function accepts(about: About, answer: Answer): boolean {
  return answer?.state === 'active' && (about === 'mailbox' || about === 'alias');
}

/** Milliseconds as `0.3 s`. */
export function secondsOf(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

/** The error that repeats a failure. */
export function repeated({ cause, at }: Failure, now: number): StoreError {
  const ms = Math.round(now - at);
  return new StoreError(saying`failed ${ms} ms ago and is not asked again yet: ${saidOf(cause)}`, { cause });
}
