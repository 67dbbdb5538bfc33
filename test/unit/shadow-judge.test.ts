import { describe, expect, it } from 'vitest';
import { judge } from '../../src/cli/shadow/judge.ts';
import type { ShadowRecord } from '../../src/observe/shadow/record.ts';

const HOUR_MS = 3_600_000;
const ONCE: ShadowRecord = {
  map: 'mailbox',
  key: 'fred@example.org',
  would: 'NOTFOUND',
  reason: 'absent',
  reply: 'OK',
  count: 1,
  first: 0,
  last: 0,
  known: false,
  role: false,
};

describe('an address that would have been refused or deferred', () => {
  it.each<[string, Partial<ShadowRecord>, string, string]>([
    ['that was asked once', {}, 'probe', 'asked once'],
    ['that came back at once', { count: 5, last: 59_000 }, 'probe', 'asked only within a minute'],
    ['that came back within an hour', { count: 2, last: HOUR_MS - 1 }, 'unclear', 'asked again within an hour'],
    ['that came back later', { count: 2, last: HOUR_MS }, 'look', 'asked again over more than an hour'],
    ['that was accepted before', { known: true }, 'look', 'accepted before'],
    ['of a role', { role: true }, 'look', 'a role (RFC 2142)'],
    ['of a disabled mailbox', { reason: 'disabled' }, 'look', 'the mailbox is disabled'],
    ['of a full mailbox', { would: 'TEMP', reason: 'overquota' }, 'look', 'the mailbox is over quota'],
    ['of a full mailbox that is refused', { would: 'PERM', reason: 'overquota' }, 'look', 'the mailbox is over quota'],
    ['in an outage', { would: 'TEMP', reason: 'store_failed' }, 'deferred', 'store_failed'],
    ['at the deadline', { would: 'TEMP', reason: 'deadline', known: true }, 'deferred', 'deadline'],
    [
      'of a store that was never filled',
      { would: 'TEMP', reason: 'never_filled' },
      'look',
      'the store was never filled',
    ],
    ['in a loop', { would: 'TEMP', reason: 'loop' }, 'look', 'a loop of aliases'],
    [
      'that only the map in shadow has',
      { would: 'OK', reason: null, reply: 'NOTFOUND' },
      'differs',
      'would be accepted',
    ],
    ['with another value', { would: 'OK', reason: null }, 'differs', 'another value'],
  ])('%s', (_, different, group, why) => {
    expect(judge({ ...ONCE, ...different })).toEqual({ group, why });
  });
});
