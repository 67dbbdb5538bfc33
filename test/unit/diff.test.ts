import { describe, expect, it } from 'vitest';
import { askedFor } from '../../src/cli/diff/keys.ts';
import { readFound } from '../../src/cli/diff/postmap.ts';
import type { Outcome } from '../../src/cli/diff/side.ts';
import { compare, comparisonOf, type Verdict, wordsOf } from '../../src/cli/diff/verdict.ts';
import type { MapConfig } from '../../src/config/config.ts';

const ok = (value: string): Outcome => ({ kind: 'OK', value });
const ABSENT: Outcome = { kind: 'NOTFOUND' };
const DISABLED: Outcome = { kind: 'NOTFOUND', why: 'disabled' };
const FULL: Outcome = { kind: 'TEMP', reason: 'mailbox is over quota', why: 'overquota' };
const FAILED: Outcome = { kind: 'FAILED', reason: 'timeout' };

const mapOf = (kind: string, options: object = {}): MapConfig => ({ kind, options, stores: [] });
const MAILBOX = mapOf('mailbox', { reply: 'key' });
const VALUE = mapOf('mailbox', { reply: 'value' });
const ALIAS = mapOf('alias');
const TABLE = mapOf('table');

describe('compare', () => {
  const rows: readonly [string, MapConfig, string, Outcome, Outcome, Verdict][] = [
    ['a mailbox on both sides', MAILBOX, 'a@b.org', ok('a@b.org'), ok('a@b.org'), 'same'],
    ['the path of Postfix, and the key of smmap', MAILBOX, 'a@b.org', ok('a@b.org'), ok('b.org/a/'), 'same'],
    ['a path, if the map replies with values', VALUE, 'a@b.org', ok('b.org/A/'), ok('b.org/a/'), 'other'],
    ['a mailbox that only A has', MAILBOX, 'a@b.org', ok('a@b.org'), ABSENT, 'only_a'],
    ['a mailbox that only B has', MAILBOX, 'a@b.org', ABSENT, ok('a@b.org'), 'only_b'],
    ['a mailbox that nobody has', MAILBOX, 'a@b.org', ABSENT, ABSENT, 'same'],
    ['a mailbox that only B has disabled', MAILBOX, 'a@b.org', ok('a@b.org'), DISABLED, 'other'],
    ['a disabled mailbox and none: both refuse', MAILBOX, 'a@b.org', DISABLED, ABSENT, 'same'],
    ['a mailbox that only B has over quota', MAILBOX, 'a@b.org', ok('a@b.org'), FULL, 'other'],
    ['a mailbox over quota, and none', MAILBOX, 'a@b.org', FULL, ABSENT, 'only_a'],
    ['a failure and an absence', MAILBOX, 'a@b.org', FAILED, ABSENT, 'failed'],
    ['an absence and a failure', MAILBOX, 'a@b.org', ABSENT, FAILED, 'failed'],
    ['two failures', MAILBOX, 'a@b.org', FAILED, FAILED, 'failed'],
    ['targets in another order', ALIAS, 'i@b.org', ok('a@b.org, c@b.org'), ok('c@b.org,a@b.org'), 'same'],
    ['targets with blanks between them', ALIAS, 'i@b.org', ok('a@b.org, c@b.org'), ok('a@b.org c@b.org'), 'same'],
    ['a domain in another spelling', ALIAS, 'i@b.org', ok('a@b.org'), ok('a@B.ORG'), 'same'],
    ['another target', ALIAS, 'i@b.org', ok('a@b.org'), ok('c@b.org'), 'other'],
    ['a target more', ALIAS, 'i@b.org', ok('a@b.org'), ok('a@b.org, c@b.org'), 'other'],
    ['targets that nobody can read', ALIAS, 'i@b.org', ok('a@b.org'), ok('"a@b.org'), 'other'],
    ['a virtual alias domain', ALIAS, 'b.org', ok('b.org'), ok('anything'), 'same'],
    ['a user with a dot and other targets', ALIAS, 'a.b', ok('a@b.org'), ok('c@b.org'), 'other'],
    ['another value of a table', TABLE, 'b.org', ok('REJECT'), ok('OK'), 'other'],
    ['the same value of a table', TABLE, 'b.org', ok('REJECT'), ok('REJECT'), 'same'],
  ];
  it.each(rows)('%s', (_, map, key, a, b, verdict) => {
    expect(compare(key, a, b, comparisonOf(map))).toBe(verdict);
  });
});

it.each([
  ['anybody@b.org', '@b.org', MAILBOX],
  ['anybody@b.org', '@b.org', ALIAS],
  ['@b.org', '@b.org', TABLE],
  ['a@b.org', 'a@b.org', MAILBOX],
  ['@', '@', MAILBOX],
])('%s is asked for %s', (asked, key, map) => {
  expect(askedFor(key, map)).toBe(asked);
});

it.each([
  ['OK fred', ok('fred')],
  ['NOTFOUND', ABSENT],
  ['NOTFOUND (disabled)', DISABLED],
  ['NOTFOUND (not an address)', { kind: 'NOTFOUND', why: 'no_address' }],
  ['TEMP mailbox is over quota (overquota)', FULL],
  ['failed (timeout)', FAILED],
] as const)('says %s', (words, outcome) => {
  expect(wordsOf(outcome)).toBe(words);
});

describe('the output of postmap', () => {
  const keys = ['a@b.org', '@b.org', 'c@b.org'];
  it('has a line for each key, also for one that is absent', () => {
    const found = readFound('a@b.org\tx\n@b.org\tnone\nc@b.org\ty z\n', keys, 'none');
    expect(found).toEqual(new Map(Object.entries({ 'a@b.org': 'x', 'c@b.org': 'y z' })));
  });
  it.each([
    ['is empty', ''],
    ['ends early', 'a@b.org\tx\n@b.org\ty\n'],
    ['ends in a line', 'a@b.org\tx\n@b.org\ty\nc@b.org\tz'],
    ['has a value of two lines', 'a@b.org\tx\nmore\n@b.org\ty\nc@b.org\tz\n'],
    ['has another key', 'a@b.org\tx\n@b.org\ty\nd@b.org\tz\n'],
    ['has another order', '@b.org\ty\na@b.org\tx\nc@b.org\tz\n'],
  ])('is a failure if it %s', (_, output) => {
    expect(readFound(output, keys, 'none')).toMatchObject({ kind: 'FAILED' });
  });
});
