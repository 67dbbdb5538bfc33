import { DATING_ERROR_MS } from './turn.ts';

/** Deadlines after which an answer is not sent any more: 4.6 s by default, since its client may have given up at 5 s. */
export const PATIENCE = 1.15;

/** What Exim's readsocket waits where nobody says otherwise, and the shortest patience of a mail server. */
export const MTA_PATIENCE_MS = 5_000;

/** The latest moment at which an answer reaches its client, counted from when the client sent its request. */
export function latestAnswerMs(deadlineMs: number): number {
  return Math.ceil(deadlineMs * PATIENCE) + DATING_ERROR_MS;
}

/** The longest deadline with which every answer reaches its client before that has given up. */
export function longestDeadlineMs(): number {
  return Math.floor((MTA_PATIENCE_MS - DATING_ERROR_MS - 1) / PATIENCE);
}
