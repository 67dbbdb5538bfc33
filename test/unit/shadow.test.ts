import { describe, expect, it } from 'vitest';
import { kinds } from '../../src/map/kinds.ts';
import { type Handler, NOTFOUND, type Outcome, type Shadow, createAnswer } from '../../src/map/map.ts';
import { acceptAll, answeredBy, isSameReply } from '../../src/map/shadow.ts';
import { record } from '../../src/trace.ts';
import type { Reply } from '../../src/vocabulary.ts';

const FOUND: Reply = { kind: 'OK', value: 'found' };
const gone = new Error('the disk is gone');
const HANDLERS: Readonly<Record<string, Handler>> = {
  found: () => FOUND,
  'found later': () => Promise.resolve(FOUND),
  absent: () => NOTFOUND,
  'absent later': () => Promise.resolve(NOTFOUND),
  disabled: () => ({ kind: 'NOTFOUND', why: 'disabled' }),
  full: () => ({ kind: 'TEMP', reason: 'mailbox is over quota', why: 'overquota' }),
  refused: () => ({ kind: 'PERM', reason: 'mailbox is full' }),
  throws: () => {
    throw gone;
  },
  rejects: () => Promise.reject(gone),
  hangs: () => new Promise(() => {}),
};

interface Told {
  readonly would: Outcome;
  readonly reply: Reply;
}

/** Asks a map in shadow. */
async function ask(shadow: Shadow, own: string, key: string | null = 'fred', sendable = (reply: Reply) => reply) {
  const told: Told[] = [];
  const answered: Reply[] = [];
  const shadows = {
    maps: new Map([['m', shadow]]),
    told: (_: unknown, would: Outcome, reply: Reply) => told.push({ would, reply }),
  };
  const answer = createAnswer(
    new Map([['m', HANDLERS[own] as Handler]]),
    (_, reply) => void answered.push(reply),
    shadows,
  );
  const trace = record();
  const reply = await answer({ map: 'm', key }, sendable, own === 'hangs' ? undefined : trace);
  await new Promise(setImmediate);
  return { reply, told, answered, steps: trace.steps };
}

describe('shadow = "accept"', () => {
  const shadow = acceptAll((key) => `made of ${key}`);
  const MADE: Reply = { kind: 'OK', value: 'made of fred' };

  it.each([
    ['an OK', 'found', FOUND, 'OK'],
    ['an OK that comes later', 'found later', FOUND, 'OK'],
    ['an absence', 'absent', MADE, 'NOTFOUND'],
    ['an absence that comes later', 'absent later', MADE, 'NOTFOUND'],
    ['a disabled mailbox', 'disabled', MADE, 'NOTFOUND'],
    ['a mailbox that is full', 'full', MADE, 'TEMP'],
    ['a refusal for good', 'refused', MADE, 'PERM'],
    ['a throw', 'throws', MADE, 'TEMP'],
    ['a rejection', 'rejects', MADE, 'TEMP'],
  ])('replies OK to %s, and tells what the map says', async (_, own, reply, would) => {
    const asked = await ask(shadow, own);
    expect(asked.reply).toEqual(reply);
    expect(asked.answered).toEqual([reply]);
    expect(asked.told.map((each) => [each.would.reply.kind, each.reply])).toEqual([[would, reply]]);
  });

  it('tells why a lookup failed', async () => {
    const { told, steps } = await ask(shadow, 'rejects');
    expect(told[0]?.would.cause).toBe(gone);
    expect(steps.at(-1)?.text).toBe('the map says TEMP (the disk is gone); the reply is OK');
  });

  it('replies OK also if the value of the map cannot be sent', async () => {
    const tooLong = (reply: Reply): Reply =>
      reply.kind === 'OK' && reply.value === 'found' ? { kind: 'TEMP', reason: 'reply too long' } : reply;
    const { reply, told } = await ask(shadow, 'found', 'fred', tooLong);
    expect(reply).toEqual(MADE);
    expect(told[0]?.would.reply.kind).toBe('TEMP');
  });

  it('replies OK also if its own value cannot be sent', async () => {
    const short = (reply: Reply): Reply =>
      reply.kind === 'OK' && reply.value.length > 5 ? { kind: 'TEMP', reason: 'reply too long' } : reply;
    expect((await ask(shadow, 'absent', 'fred', short)).reply).toEqual({ kind: 'OK', value: 'OK' });
  });

  it('counts for the map that answers every other name', async () => {
    const shadows = { maps: new Map([['*', shadow]]), told: () => {} };
    const answer = createAnswer(new Map([['*', () => NOTFOUND]]), () => {}, shadows);
    expect(await answer({ map: 'any', key: 'fred' })).toEqual(MADE);
  });

  it('leaves maps that are not in shadow and names without a map as they are', async () => {
    const maps = new Map([
      ['m', () => NOTFOUND],
      ['other', () => NOTFOUND],
    ]);
    const answer = createAnswer(maps, () => {}, { maps: new Map([['m', shadow]]), told: () => {} });
    expect(await answer({ map: 'other', key: 'fred' })).toEqual(NOTFOUND);
    expect(await answer({ map: 'nosuch', key: 'fred' })).toEqual({ kind: 'TEMP', reason: 'unknown map' });
  });
});

describe('shadow = "old"', () => {
  it.each([
    ['found', 'absent', 'OK', 'NOTFOUND'],
    ['absent', 'found', 'NOTFOUND', 'OK'],
    ['absent later', 'found later', 'NOTFOUND', 'OK'],
    ['found later', 'throws', 'OK', 'TEMP'],
    ['rejects', 'found', 'TEMP', 'OK'],
    ['throws', 'rejects', 'TEMP', 'TEMP'],
    ['refused', 'found', 'PERM', 'OK'],
  ])('replies what old says (%s), and tells what the map says (%s)', async (old, own, kind, would) => {
    const asked = await ask(answeredBy('old', HANDLERS[old] as Handler), own);
    expect(asked.reply.kind).toBe(kind);
    expect(asked.answered).toEqual([asked.reply]);
    expect(asked.told.map((each) => [each.would.reply.kind, each.reply.kind])).toEqual([[would, kind]]);
    expect(asked.steps.at(-1)?.text).toMatch(/^\[map\.old\] replies; this map says /);
  });

  it('does not wait for the map', async () => {
    const { reply, told } = await ask(answeredBy('old', HANDLERS['found'] as Handler), 'hangs');
    expect(reply).toEqual(FOUND);
    expect(told).toEqual([]);
  });
});

describe('two replies are the same', () => {
  const ok = (value: string): Reply => ({ kind: 'OK', value });
  const isSameOf = (kind: string) => (one: string, other: string) => kinds[kind]?.isSame?.(one, other) ?? true;

  it.each<[string, string, Reply, Reply, boolean]>([
    ['if both find a mailbox', 'mailbox', ok('a'), ok('b'), true],
    ['if the targets have another order', 'alias', ok('a, b'), ok('b, a'), true],
    ['unless a target is another one', 'alias', ok('a, b'), ok('a, c'), false],
    ['unless a value is another one', 'table', ok('OK'), ok('REJECT'), false],
    ['unless a class is another one', 'domain', ok('mailbox'), ok('relay'), false],
    ['if both refuse, for any reason', 'mailbox', NOTFOUND, { kind: 'NOTFOUND', why: 'disabled' }, true],
    ['unless only one fails', 'mailbox', NOTFOUND, { kind: 'TEMP', reason: 'x' }, false],
  ])('%s (%s)', (_, kind, one, other, same) => {
    expect(isSameReply(one, other, isSameOf(kind))).toBe(same);
  });
});

describe('the value of an OK that is made up', () => {
  const valueOf = (options: object, key: string | null): string | undefined => {
    const kind = kinds['mailbox'] as (typeof kinds)[string];
    return kind.accepts?.(kind.keys('m').parse(options))(key);
  };

  it.each<[string, object, string | null, string]>([
    ['the key', {}, 'Fred@Example.org', 'Fred@Example.org'],
    ['the key if the map replies with values, since there is none', { reply: 'value' }, 'fred@a.org', 'fred@a.org'],
    ['the canonical address', { reply: 'address' }, 'Fred+x@A.org', 'fred+x@a.org'],
    ['the mailbox', { reply: 'mailbox' }, 'Fred+x@A.org', 'fred@a.org'],
    ['the text of the configuration', { reply: { text: 'lmtp:%u@%d' } }, 'Fred+x@A.org', 'lmtp:fred@a.org'],
    ['the key if it cannot be an address', { reply: 'mailbox' }, 'a@b@', 'a@b@'],
    ['the key of a user without a domain', { reply: 'address' }, 'fred', 'fred'],
    ['the text also if the key has no domain', { reply: { text: 'DUNNO' } }, 'fred', 'DUNNO'],
    ['OK if the key is not UTF-8', {}, null, 'OK'],
  ])('is %s', (_, options, key, value) => {
    expect(valueOf(options, key)).toBe(value);
  });

  it('exists only for mailboxes: elsewhere it would send mail to another place', () => {
    expect(Object.keys(kinds).filter((kind) => kinds[kind]?.accepts !== undefined)).toEqual(['mailbox']);
  });
});
