import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, type TestOptions } from 'vitest';
import { http } from '../../src/store/driver/http/keys.ts';
import { UNTOLD } from '../../src/store/open.ts';
import { type Bulk, QuestionError, StoreError } from '../../src/store/store.ts';
import type { Answer, Question } from '../../src/vocabulary.ts';
import { openStore } from '../support/config.ts';
import { expectNoLies, tell } from '../support/faults.ts';
import { type Httpd, startHttpd } from '../support/httpd.ts';
import { CAMPAIGN } from '../support/long.ts';

/** The presets, and the header field with the key of each. */
const KEYS: Readonly<Record<string, object>> = {
  podop: {},
  userli: { token_file: 'key' },
  'rest-connector': { header_files: { 'X-Auth-Token': 'key' } },
  pfxhttp: {},
  nauthilus: { header_files: { Authorization: 'key' } },
  wildduck: { header_files: { 'X-Access-Token': 'key' } },
  mailcow: { header_files: { 'X-API-Key': 'key' } },
};
const PRESETS = Object.keys(KEYS);

let httpd: Httpd;
let folder: string;
const opened: { close(): unknown }[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'presets-'));
  writeFileSync(join(folder, 'key'), 'the key\n');
  writeFileSync(join(folder, 'other'), 'another key\n');
  httpd = await startHttpd(null, 'dialects.mjs');
});
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
  await httpd.start();
  await httpd.become('well');
});
afterAll(async () => {
  await httpd.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** The keys of a preset, with the paths of its files. */
function keysOf(preset: string, file = 'key'): object {
  const keys = JSON.stringify({ ...KEYS[preset], preset, url: `${httpd.origin}/${preset}` });
  return JSON.parse(keys.replaceAll('"key"', JSON.stringify(join(folder, file)))) as object;
}

async function open(keys: object): Promise<Bulk> {
  const config = http.keys.parse({ driver: 'http', timeout_ms: 1_000, ...keys });
  const result = await http.open(config, { ...UNTOLD, counted() {} });
  if (!('servers' in result)) throw new Error('no server');
  const [{ bulk }] = result.servers as unknown as [{ bulk: Bulk }];
  opened.push(bulk);
  return bulk;
}

/** `mailbox KEY`, `alias KEY`, `domain KEY` or `key TABLE KEY` as a question. */
function questionOf(text: string): Question {
  const [about, key = '', more = ''] = text.split(' ');
  const at = key.lastIndexOf('@');
  const whose = { local: key.slice(0, at), domain: key.slice(at + 1), exact: false };
  if (about === 'mailbox') return { about, ...whose, folder: null, anyCase: false };
  if (about === 'alias') return { about, ...whose };
  return about === 'domain' ? { about, domain: key } : { about: 'key', table: key, key: more, exact: false };
}

async function ask(bulk: Bulk, text: string): Promise<Answer | StoreError> {
  const [answer] = await bulk.lookupAll([questionOf(text)]).catch((cause: unknown) => [cause as StoreError]);
  return answer as Answer | StoreError;
}

const shown = (answer: Answer | StoreError): string | null => {
  if (answer === null) return null;
  if (answer instanceof QuestionError) return 'TEMP for this question';
  if (answer instanceof Error) return 'TEMP';
  return [answer.state, answer.value].join(' ').trim();
};

const BOTH = 'active fred@example.org,joe@example.net';

describe.each<[string, readonly (readonly [string, string | null])[]]>([
  [
    'podop',
    [
      ['mailbox fred@example.org', 'active fred@example.org'],
      ['mailbox off@example.org', 'active'], // Mailu does not say that it is disabled
      ['mailbox info@example.org', BOTH],
      ['mailbox fred@alternative.example', 'active fred@example.org'],
      ['mailbox nobody@example.org', null],
      ['mailbox a@b@example.org', 'TEMP'],
      ['alias info@example.org', BOTH],
      ['alias nobody@example.org', null],
      ['domain example.org', 'active mailbox'],
      ['domain example.net', null],
    ],
  ],
  [
    'userli',
    [
      ['mailbox fred@example.org', 'active'],
      ['mailbox nobody@example.org', null],
      ['alias info@example.org', 'active fred@example.org, joe@example.net'],
      ['alias nobody@example.org', null],
      ['domain example.org', 'active mailbox'],
      ['domain example.net', null],
    ],
  ],
  [
    'rest-connector',
    [
      ['mailbox fred@example.org', 'active fred@example.org'],
      ['mailbox a&b@example.org', 'active a&b@example.org'],
      ['mailbox nobody@example.org', null],
      ['mailbox nobody0@example.org', null],
      ['alias info@example.org', 'active fred@example.org, joe@example.net'],
      ['alias nobody@example.org', null],
      ['domain example.org', 'active mailbox'],
      ['domain example.net', null],
      ['key access joe', 'active REJECT, 550'],
      ['key access fred', null],
      ['key other fred', 'TEMP'],
    ],
  ],
  [
    'pfxhttp',
    [
      ['mailbox fred@example.org', 'active fred@example.org'],
      ['mailbox nobody@example.org', null],
      ['mailbox none@example.org', null],
      ['mailbox a"b@example.org', null],
      ['mailbox empty@example.org', 'TEMP'],
      ['alias info@example.org', 'active fred@example.org, joe@example.net'],
      ['domain example.org', 'active mailbox'],
      ['domain example.net', null],
    ],
  ],
  [
    'nauthilus',
    [
      ['mailbox fred@example.org', 'active'],
      ['mailbox nobody@example.org', null],
      ['mailbox a"b@example.org', null],
    ],
  ],
  [
    'wildduck',
    [
      ['mailbox fred@example.org', 'active'],
      ['mailbox f.r.e.d@example.org', 'active'],
      ['mailbox fred+x@example.org', 'active'],
      ['mailbox any@wild.example', 'active'],
      ['mailbox off@example.org', 'disabled'],
      ['mailbox full@example.org', 'overquota'],
      ['mailbox info@example.org', 'active'],
      ['mailbox nobody@example.org', null],
      ['alias info@example.org', 'active fred@example.org, joe@example.net'],
      ['alias fred@example.org', null],
      ['alias nobody@example.org', null],
      ['alias @example.org', 'TEMP for this question'],
    ],
  ],
  [
    'mailcow',
    [
      ['mailbox fred@example.org', 'active'],
      ['mailbox user1@example.org', 'active'],
      ['mailbox off@example.org', 'disabled'],
      ['mailbox full@example.org', 'overquota'],
      ['mailbox a&b@example.org', 'active'],
      ['mailbox a+b@example.org', 'active'],
      ['mailbox a#b@example.org', null],
      ['mailbox nobody@example.org', null],
      ['mailbox a/b@example.org', 'TEMP for this question'],
      ['alias info@example.org', BOTH],
      ['alias gone@example.org', null],
      ['alias nobody@example.org', null],
      ['alias 12abc@example.org', 'active fred@example.org'],
      ['alias 12@example.org', 'TEMP for this question'], // mailcow answers alias number 12
      ['alias 12xyz@example.org', 'TEMP for this question'],
      ['domain example.org', 'active mailbox'],
      ['domain backup.example', 'active relay'],
      ['domain alias.example', 'active mailbox'],
      ['domain other.example', 'TEMP for this question'], // the object of another domain
      ['domain example.net', null],
    ],
  ],
])('the preset %s', (preset, rows) => {
  it.each(rows)('answers %s: %s', async (question, expected) => {
    const answer = await ask(await open(keysOf(preset)), question);
    expect(shown(answer), answer instanceof Error ? answer.message : '').toBe(expected);
  });
});

const LIES = [
  'a 404 page',
  'a 404 without content',
  'a 200 without content',
  'a 200 without content and type',
  'a 403 in JSON',
  'a 403 page',
  'a 401',
  'a page to log in',
  'an error with 200',
  'a failure with 200',
  'null with 200',
  'a number with 200',
  'a redirect',
  'a 500',
  'as text',
];

describe.each(PRESETS)('the preset %s, whose application is not what answers,', (preset) => {
  it.each(LIES)('is TEMP for %s', async (lie) => {
    const bulk = await open(keysOf(preset));
    await httpd.become(lie);
    for (const question of ['mailbox fred@example.org', 'mailbox nobody@example.org', 'alias info@example.org']) {
      if (preset === 'nauthilus' && question.startsWith('alias')) continue;
      expect(shown(await ask(bulk, question)), `${question}, ${lie}`).toBe('TEMP');
    }
  });
});

it.each(['userli', 'rest-connector', 'nauthilus', 'wildduck', 'mailcow'])(
  'the preset %s is TEMP with a wrong key, and with none',
  async (preset) => {
    expect(shown(await ask(await open(keysOf(preset, 'other')), 'mailbox nobody@example.org'))).toBe('TEMP');
    expect(shown(await ask(await open(keysOf(preset, 'missing')), 'mailbox nobody@example.org'))).toBe('TEMP');
    const without = { preset, url: `${httpd.origin}/${preset}` };
    expect(shown(await ask(await open(without), 'mailbox nobody@example.org'))).toBe('TEMP');
  },
);

it('a key that was replaced is used within a second', async () => {
  writeFileSync(join(folder, 'changing'), 'another key\n');
  const bulk = await open(keysOf('mailcow', 'changing'));
  expect(shown(await ask(bulk, 'mailbox fred@example.org'))).toBe('TEMP');
  writeFileSync(join(folder, 'changing'), 'the key\n');
  await expect.poll(async () => shown(await ask(bulk, 'mailbox fred@example.org'))).toBe('active');
});

it('the preset podop has its old name, too', async () => {
  const bulk = await open({ preset: 'mailu', url: `${httpd.origin}/podop/` });
  expect(shown(await ask(bulk, 'mailbox fred@example.org'))).toBe('active fred@example.org');
});

it('a server that says 429 is not asked until Retry-After is over', async () => {
  const bulk = await open(keysOf('userli'));
  await httpd.become('429');
  const first = (await ask(bulk, 'mailbox fred@example.org')) as StoreError;
  expect(first).toBeInstanceOf(QuestionError);
  expect(first.message).toContain('status 429: the server wants to be asked again in 1 s');
  await httpd.become('well');
  expect(((await ask(bulk, 'mailbox fred@example.org')) as StoreError).message).toContain('not asked');
  await expect.poll(async () => shown(await ask(bulk, 'mailbox fred@example.org'))).toBe('active');
});

describe.each<[string, TestOptions]>([
  ['userli', {}],
  ['mailcow', CAMPAIGN],
])('the preset %s, asked by 50 at once while its server', (preset, options) => {
  const people = (name: string): readonly Question[] =>
    Array.from({ length: 40 }, (_, at) => questionOf(`mailbox ${name}${at}@example.org`));

  it.each<[string, () => Promise<void> | void, () => Promise<void> | void]>([
    ['is killed', () => httpd.kill(), () => httpd.start()],
    ['hangs', () => httpd.hang(), () => httpd.resume()],
    ['answers 429', () => httpd.become('429'), () => httpd.become('well')],
    ['answers 200 without content', () => httpd.become('a 200 without content'), () => httpd.become('well')],
    ['has a proxy that answers 404', () => httpd.become('a 404 page'), () => httpd.become('well')],
  ])('%s, tells no lies', options, async (what, fault, mend) => {
    const canary = { mailbox: 'fred@example.org' };
    const config = http.keys.parse({ driver: 'http', timeout_ms: 1_000, connections: 8, canary, ...keysOf(preset) });
    const store = await openStore(config, UNTOLD);
    opened.push(store);
    const trial = { present: people('user'), absent: people('nobody'), brokenMs: 1_500, fault, mend };
    tell(`${preset}, ${what}`, await expectNoLies(store, trial));
  });
});
