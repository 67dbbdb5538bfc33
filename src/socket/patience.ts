import { DATING_ERROR_MS } from './turn.ts';

/** After this many deadlines, a reply is not sent any more: 4.6 s by default, because the client may give up at 5 s. */
export const PATIENCE = 1.15;

/** The default timeout of Exim's readsocket, the shortest of all mail servers. */
export const MTA_PATIENCE_MS = 5_000;

/**
 * How long a listener for lines may take. Its client, OpenSMTPD, waits without a limit, asks several times for a recipient, and
 * serves nobody meanwhile. The SMTP client behind it waits 5 minutes (RFC 5321, section 4.5.3.2).
 */
export const LINE_PATIENCE_MS = 60_000;

/** The latest moment at which a reply reaches its client, counted from when the client sent its request. */
export function latestAnswerMs(deadlineMs: number): number {
  return Math.ceil(deadlineMs * PATIENCE) + DATING_ERROR_MS;
}

/** The longest deadline with which every reply reaches its client before the client gives up. */
export function longestDeadlineMs(patienceMs = MTA_PATIENCE_MS): number {
  return Math.floor((patienceMs - DATING_ERROR_MS - 1) / PATIENCE);
}
