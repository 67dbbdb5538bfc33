import { describe, expect, it } from 'vitest';
import { http } from '../../src/store/driver/http/keys.ts';
import { parsePath, standingAt, valuesAt } from '../../src/store/driver/http/path.ts';
import { createPause } from '../../src/store/driver/http/pause.ts';
import type { HttpRequest } from '../../src/store/driver/http/request.ts';
import { answerFor, rowsOf } from '../../src/store/driver/http/rows.ts';
import { judge } from '../../src/store/driver/http/verdict.ts';
import { QuestionError, StoreError } from '../../src/store/store.ts';
import type { Answer, Question } from '../../src/vocabulary.ts';

const fred: Question = {
  about: 'mailbox',
  local: 'fred',
  domain: 'example.org',
  exact: false,
  folder: null,
  anyCase: false,
};

const response = (status: number, content: string, contentType = 'application/json', headers = {}) => ({
  status,
  contentType,
  headers,
  body: Buffer.from(content),
});

/** The answer to a question about fred, where a request has these keys, or why there is none. */
function answerWith(keys: object, content: unknown, status = 200): Answer | string {
  const written = { get: 'http://localhost/:address', ...keys };
  const { requests } = http.keys.parse({ driver: 'http', mailbox: written });
  const [request] = requests.mailbox as readonly [HttpRequest];
  try {
    const found = judge(response(status, JSON.stringify(content)), request.signs);
    return found === null ? null : answerFor(fred, rowsOf(found.content, request.fields));
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return error.message;
  }
}

describe('a path in JSON', () => {
  const content = { a: { b: 'x' }, list: [{ mail: ['p', 'q'] }, { mail: 'r' }, {}], empty: [], none: null };
  it.each<[string, readonly unknown[]]>([
    ['a.b', ['x']],
    ['a.c', []],
    ['a.b.c', []],
    ['list[].mail', ['p', 'q', 'r']],
    ['list.mail', []],
    ['a[].b', []],
    ['empty', []],
    ['none', [null]],
    ['toString', []],
  ])('%s leads to %j', (path, values) => {
    expect(valuesAt(content, parsePath(path))).toEqual(values);
  });

  it('may be the content itself, or each of its items', () => {
    expect(valuesAt('x', parsePath('.'))).toEqual(['x']);
    expect(valuesAt(['x', ['y']], parsePath('[]'))).toEqual(['x', 'y']);
    expect(valuesAt([{ a: 1 }, { a: 2 }], parsePath('[].a'))).toEqual([1, 2]);
    expect(standingAt({ a: [] }, parsePath('a'))).toEqual([[]]);
  });

  it.each(['', '..', 'a..b', '.a', 'a.', 'a[0]', 'a[]b', '[a]'])('cannot be %j', (path) => {
    expect(() => parsePath(path)).toThrow('is not a path in JSON');
  });
});

const ACTIVE: Answer = { value: '', state: 'active' };
const GRAPH = { identity: { address: 'value[].proxyAddresses=smtp:' }, absent: { status: 200, json: { value: [] } } };
const STATE = { state: { field: 'on', values: { true: 'active', 0: 'disabled' } } };
const QUOTA = { quota: { used: 'q.used', limit: 'q.limit' } };
const SIGNS = { found: { fields: { ok: true } }, absent: { status: 200, fields: { exists: false } } };

describe('a request with keys of its own', () => {
  it.each<[object, unknown, Answer | string]>([
    [GRAPH, { value: [{ proxyAddresses: ['SMTP:joe@example.org', 'smtp:fred@example.org'] }] }, ACTIVE],
    [GRAPH, { value: [{ proxyAddresses: ['smtp:joe@example.org'] }] }, 'about something else'],
    [GRAPH, { value: [{ proxyAddresses: ['fred@example.org'] }] }, 'has no text at value[].proxyAddresses'],
    [GRAPH, { value: [] }, null],
    [GRAPH, { value: null }, 'has no text at'],
    [GRAPH, [], 'has no text at'],
    [{ identity: { local: 'l', domain: 'd' } }, { l: 'Fred', d: 'Example.org' }, ACTIVE],
    [{ identity: { local: 'l', domain: 'd' } }, { l: 'fred', d: 'example.net' }, 'about something else'],
    [STATE, { on: true }, ACTIVE],
    [STATE, { on: 0 }, { value: '', state: 'disabled' }],
    [STATE, { on: 2 }, 'the field on is 2, which values does not mention'],
    [STATE, { on: null }, 'the field on is null'],
    [STATE, {}, 'has nothing at on'],
    [STATE, { on: [true, true] }, 'has several values at on'],
    [{ state: { field: 's' } }, { s: 'overquota' }, { value: '', state: 'overquota' }],
    [{ state: { field: 's' } }, { s: 'gone' }, 'state is "gone"'],
    [{ state: { field: 's' } }, { s: true }, 'something else than a text at s'],
    [QUOTA, { q: { used: 5, limit: 5 } }, { value: '', state: 'overquota' }],
    [QUOTA, { q: { used: 4, limit: 5 } }, ACTIVE],
    [QUOTA, { q: { used: 4, limit: 0 } }, ACTIVE],
    [QUOTA, { q: { used: '4', limit: 5 } }, 'no number at q.used'],
    [QUOTA, {}, 'no number at q.limit'],
    [{ value: 'v' }, { v: ['x', 'y'] }, { value: 'x, y', state: 'active' }],
    [{ value: 'v' }, { v: '' }, 'something else than a text at v'],
    [{ value: 'v' }, { v: [] }, 'has nothing at v'],
    [{ value: 'v' }, { v: 1 }, 'something else than a text at v'],
    [{ value: { field: 'v', values: { 1: 'one' } } }, { v: 1 }, { value: 'one', state: 'active' }],
    [SIGNS, { ok: true }, ACTIVE],
    [SIGNS, { exists: false }, null],
    [SIGNS, { ok: false }, 'its content has no ok = true'],
    [SIGNS, { ok: true, exists: false }, 'both found and absent describe this response'],
    [{ found: { json: true } }, true, ACTIVE],
    [{ found: { json: true } }, 1, 'its content is not true'],
    [{ found: { has: 'a' }, absent: { status: 200, lacks: 'a' } }, {}, null],
    [{ found: { has: 'a' }, absent: { status: 200, lacks: 'a' } }, [], 'no value at a'],
    [{ found: { has: 'a' }, absent: { status: 200, lacks: 'a' } }, { a: null }, 'no value at a'],
    [{ found: { has: 'a' }, absent: { status: 200, lacks: 'a' } }, { a: {} }, 'no value at a'],
    [{ absent: { status: 200, json: {} } }, [], 'an empty array, and absent does not say so'],
    [{}, [], null],
  ])('%j is told %j: %j', (keys, content, expected) => {
    const answer = answerWith(keys, content);
    if (typeof expected === 'string') expect(answer).toContain(expected);
    else expect(answer).toEqual(expected);
  });

  it('has only the absence that it names', () => {
    expect(answerWith({ absent: { status: 200, json: false } }, {}, 404)).toContain('status 404');
    expect(answerWith({}, {}, 404)).toBeNull();
  });
});

describe('a server that asks us to wait', () => {
  it.each<[string | undefined, number]>([
    ['5', 5],
    ['0', 1],
    [undefined, 1],
    ['soon', 1],
    ['99999999', 600],
    [new Date(20_000).toUTCString(), 20],
    [new Date(-5_000).toUTCString(), 1],
  ])('by Retry-After: %s is not asked for %i s', (said, seconds) => {
    let now = 0;
    const pause = createPause(() => now);
    pause.throwIfPaused();
    const headers = said === undefined ? {} : { 'retry-after': said };
    expect(() => pause.heed(response(429, '', '', headers))).toThrow(QuestionError);
    now = seconds * 1_000 - 1;
    expect(() => pause.throwIfPaused()).toThrow(QuestionError);
    now++;
    pause.throwIfPaused();
  });

  it('is asked at once if it says something else than 429', () => {
    const pause = createPause();
    pause.heed(response(503, '', '', { 'retry-after': '5' }));
    pause.throwIfPaused();
  });
});
