import type { Reason } from '../../observe/counts.ts';
import { HOUR_MS, type ShadowRecord } from '../../observe/shadow/record.ts';

/** How urgent a record is, and why. In this order an administrator looks at them. */
export const GROUPS = ['look', 'differs', 'unclear', 'probe', 'deferred'] as const;
export type Group = (typeof GROUPS)[number];

export interface Judged {
  readonly group: Group;
  readonly why: string;
}

const BURST_MS = 60_000; // a probe comes back at once, or never

/** Reasons of a TEMP that end only if somebody changes something. */
const LASTING: Partial<Record<Reason, string>> = {
  uncertain: 'the map cannot know the answer, such as for a user without a domain',
  loop: 'a loop of aliases',
  never_filled: 'the store was never filled',
  reply_too_long: 'the reply is too long',
  bug: 'a bug, please report it',
};

const STATES: Partial<Record<Reason, string>> = {
  disabled: 'the mailbox is disabled',
  overquota: 'the mailbox is over quota',
};

/** Judges what a map in shadow would have said about a key. */
export function judge({ would, reason, reply, count, first, last, known, role }: ShadowRecord): Judged {
  const look = (why: string): Judged => ({ group: 'look', why });
  if (would === 'OK') return { group: 'differs', why: reply === 'OK' ? 'another value' : 'would be accepted' };
  const state = reason === null ? undefined : STATES[reason];
  if (state !== undefined) return look(state);
  if (would === 'TEMP') {
    const lasting = reason === null ? undefined : LASTING[reason];
    return lasting === undefined ? { group: 'deferred', why: String(reason) } : look(lasting);
  }
  if (known) return look('accepted before');
  if (role) return look('a role (RFC 2142)');
  if (last - first >= HOUR_MS) return look('asked again over more than an hour');
  if (count === 1) return { group: 'probe', why: 'asked once' };
  if (last - first < BURST_MS) return { group: 'probe', why: 'asked only within a minute' };
  return { group: 'unclear', why: 'asked again within an hour' };
}
