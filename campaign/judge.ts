// Judges answers by what was true when.

import type { History } from './history.ts';

/** What a map may say: how old an OK or a NOTFOUND may be. Without a cache neither may be old. */
export interface Ages {
  readonly okMs: number;
  readonly absentMs: number;
}

export interface Question {
  readonly map: string;
  readonly key: string;
  readonly sentMs: number;
}

/** A reply, with the moments between which it came: the process that reads it may have been busy. */
export interface Answer {
  readonly payload: string;
  /** Which one it came on. */
  readonly connection: object;
  readonly notBeforeMs: number;
  readonly nowMs: number;
}

/** What of the daemon may excuse a question that got no answer. */
export interface Ends {
  /** Whether the daemon, or a process of it, was killed by SIGKILL in that time. */
  killed(fromMs: number, toMs: number): boolean;
  /** When the daemon was told to stop, the last time before that moment; -Infinity for never. */
  stopped(beforeMs: number): number;
  /** How old a request counts that was sent then: if the daemon stood still, it may have come when that began. */
  asOldAs(sentMs: number): number;
}

export const FLAWS = ['wrong NOTFOUND', 'wrong OK', 'exchanged', 'garbled', 'late', 'lost'] as const;
export type Flaw = (typeof FLAWS)[number];
/** `interrupted`: late, because the process was stopped between its last look at the clock and the write. */
export type Verdict = 'OK' | 'NOTFOUND' | 'TEMP' | 'dropped' | 'interrupted' | Flaw;

/** The first client that gives up is Exim. A later answer would be taken for that to its next question. */
export const PATIENCE_MS = 5_000;
/** A request that is so old when the daemon sees it gets no answer: it ends the connection instead (docs/design.md). */
export const OLD_MS = 4_000;

/** Whether an answer was true at some moment between its question and itself, or as old as its map may say. */
export function judge(history: History, ages: Ages, question: Question, answer: Answer): Verdict {
  const { key, sentMs } = question;
  const { payload, nowMs } = answer;
  if (answer.notBeforeMs - sentMs > PATIENCE_MS) return 'late';
  if (payload.startsWith('TEMP ')) return 'TEMP';
  if (payload === 'NOTFOUND ') {
    return history.could(key, false, sentMs - ages.absentMs, nowMs) ? 'NOTFOUND' : 'wrong NOTFOUND';
  }
  if (!payload.startsWith('OK ')) return 'garbled';
  if (payload !== `OK ${key}`) return 'exchanged'; // the reply names its key
  return history.could(key, true, sentMs - ages.okMs, nowMs) ? 'OK' : 'wrong OK';
}

/**
 * Whether a question may be without an answer when its connection has ended: the daemon was killed, or it was told to stop
 * before the question was sent, or a question before it on the connection was too old to be answered (`oldestMs`: when the
 * first one without an answer was sent).
 */
export function judgeEnd(question: Question, oldestMs: number, endedMs: number, ends: Ends): Verdict {
  const { sentMs } = question;
  if (ends.killed(oldestMs, endedMs)) return 'dropped';
  if (endedMs - ends.asOldAs(oldestMs) >= OLD_MS) return 'dropped';
  const stoppedMs = ends.stopped(endedMs);
  return stoppedMs <= sentMs && endedMs - stoppedMs < PATIENCE_MS ? 'dropped' : 'lost';
}
