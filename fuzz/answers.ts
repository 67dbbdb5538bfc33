// What servers answer to stores. What a store cannot understand must never become an absence.

import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { parseCyrusList } from '../src/format/cyrus.ts';
import { createReplyReader, ReplyError } from '../src/store/driver/callout/reply.ts';
import { http } from '../src/store/driver/http/keys.ts';
import { PRESETS } from '../src/store/driver/http/presets.ts';
import type { HttpRequest } from '../src/store/driver/http/request.ts';
import { answerFor, rowsOf } from '../src/store/driver/http/rows.ts';
import { judge } from '../src/store/driver/http/verdict.ts';
import { readQuota } from '../src/store/driver/maildir/quota.ts';
import { rowsByQuestion } from '../src/store/driver/mysql/statement.ts';
import { type Layout, parseLayout, type WrittenLayout } from '../src/store/driver/redis/layout.ts';
import { answersOf, commandsOf, planOf } from '../src/store/driver/redis/plan.ts';
import { answerOf } from '../src/store/row.ts';
import { StoreError } from '../src/store/store.ts';
import { FRED } from './fred.ts';
import type { Target } from './target.ts';

/** The result of `work`. Undefined: it failed as a store may fail. */
function unlessFailed<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return undefined;
  }
}

/** JSON in which `"=text"` stands for bytes, and `"!text"` for an error. Undefined: it is not JSON. */
function valuesIn(text: string): unknown {
  try {
    return JSON.parse(text, (_, value: unknown) => {
      if (typeof value !== 'string' || !/^[=!]/.test(value)) return value;
      return value.startsWith('=') ? Buffer.from(value.slice(1)) : new Error(value.slice(1));
    });
  } catch {
    return undefined;
  }
}

/** How the first byte chooses one of several. */
function chosen<T>(bytes: Buffer, from: readonly T[]): T {
  return from[(bytes[0] ?? 0) % from.length] as T;
}

const MAILBOX_PRESETS = Object.entries(PRESETS).flatMap(([preset, { mailbox }]) => {
  if (mailbox === undefined) return [];
  const { requests } = http.keys.parse({ driver: 'http', preset, url: 'http://localhost' });
  return (requests.mailbox as readonly HttpRequest[]).map((request) => ({ preset, request }));
});

/** What each application says of nobody, and nothing else. */
const HTTP_ABSENCES: Readonly<Record<string, (status: number, body: string, json: unknown) => boolean>> = {
  podop: (status, body) => status === 404 && body.startsWith('<!doctype html>') && body.includes('404 Not Found'),
  userli: (status, _, json) => status === 200 && json === false,
  'rest-connector': (status, _, json) => status === 404 || (status === 200 && Array.isArray(json) && json.length === 0),
  pfxhttp: (status, body) => status === 200 && !/"result"/.test(body),
  nauthilus: (status, body) => status === 403 && body === 'null',
  wildduck: (status, body) => status === 404 && body.includes('AddressNotFound'),
  mailcow: (status, _, json) => status === 200 && JSON.stringify(json) === '{}',
};

const LAYOUTS = (
  [
    { set: 'mailboxes', member: '{address}' },
    { hash: 'mailboxes', field: '{address}' },
    { key: 'mailbox:{address}', as: 'string' },
    { key: 'mailbox:{address}', as: 'hash' },
  ] as const satisfies readonly WrittenLayout[]
).map((written) => parseLayout('mailbox', written) as Layout);
const FOLDERS = parseLayout('folder', { set: 'folders:{address}', member: '{detail}' }) as Layout;

/** What Redis says of nobody, by the command. */
const NOTHING: Readonly<Record<string, (reply: unknown) => boolean>> = {
  sismember: (reply) => reply === 0,
  hgetBuffer: (reply) => reply === null,
  getBuffer: (reply) => reply === null,
  hgetallBuffer: (reply) => isDeepStrictEqual(reply, {}),
  smembersBuffer: (reply) => Array.isArray(reply) && reply.every((each) => each instanceof Uint8Array),
};

/** By their names, which are those of the folders of fuzz/corpus. */
export const ANSWERS: Readonly<Record<string, Target>> = {
  /** A list that was cut off is refused. The first byte says where. */
  'cyrus-list': (bytes) => {
    const lines = bytes.subarray(1).toString().split('\n');
    const list = parseCyrusList(lines, { defaultDomain: 'example.org', separator: chosen(bytes, ['/', '.']) });
    if ('flaw' in list) return;
    const end = lines.lastIndexOf('}');
    const cut = parseCyrusList(lines.slice(0, (bytes[0] ?? 0) % end), { defaultDomain: 'example.org', separator: '/' });
    assert('flaw' in cut, 'a part of a list is believed');
  },
  /** The same replies come out however the bytes are cut. */
  'smtp-reply': (bytes) => {
    const read = (pieces: readonly Buffer[]): unknown => {
      const reader = createReplyReader();
      const replies: unknown[] = [];
      try {
        for (const piece of pieces) replies.push(...reader.take(Buffer.from(piece)));
      } catch (error) {
        if (!(error instanceof ReplyError)) throw error;
        return 'no reply';
      }
      return [...replies, reader.pending()];
    };
    const each = Array.from(bytes, (byte) => Buffer.of(byte));
    assert.deepEqual(read(each), read([bytes]));
  },
  /** `status type`, a line feed and the content. The first byte chooses the application. */
  'http-answer': (bytes) => {
    const { preset, request } = chosen(bytes, MAILBOX_PRESETS);
    const end = bytes.indexOf('\n');
    const [, digits = '', contentType = ''] =
      /^(\d{3}) (.*)$/.exec(bytes.toString('latin1', 1, Math.max(1, end))) ?? [];
    const response = { status: Number(digits), contentType, headers: {}, body: bytes.subarray(end + 1) };
    const found = unlessFailed(() => judge(response, request.signs));
    if (found === undefined) return;
    const body = response.body.toString();
    if (found === null) {
      assert(HTTP_ABSENCES[preset]?.(response.status, body, valuesIn(body)), `${preset} said nothing of an absence`);
    } else {
      // Something was found, so it may be in doubt, but is never absent.
      const answer = unlessFailed(() => answerFor(FRED, rowsOf(found.content, request.fields)));
      assert(answer !== null, 'what was found is absent');
    }
  },
  /** Replies of a transaction as JSON. The first byte chooses the layout. */
  'redis-answer': (bytes) => {
    const replies = valuesIn(bytes.toString('utf8', 1));
    const question =
      ((bytes[0] ?? 0) & 8) === 0 ? FRED : { ...FRED, folder: 'x', anyCase: ((bytes[0] ?? 0) & 16) !== 0 };
    const plan = planOf(question, { mailbox: chosen(bytes, LAYOUTS), folder: FOLDERS });
    const commands = commandsOf([plan], true);
    if (!Array.isArray(replies) || replies.length !== commands.length) return; // as the driver checks it
    const [answer] = answersOf([plan], true, replies);
    if (answer !== null) return;
    const isNo = ([name]: readonly string[], at: number): boolean => NOTHING[name as string]?.(replies[at]) === true;
    assert(plan.reads.some(isNo), 'an absence that no reply said');
    assert(plan.witness === null || replies.at(-2) === 1, 'an absence without its witness');
    assert([replies.at(-1)].flat()[0] === 'master', 'an absence of a replica');
  },
  /** Rows of a union as JSON. A row that belongs to no question makes all of them fail. */
  'mysql-rows': (bytes) => {
    const rows = valuesIn(bytes.toString());
    if (!Array.isArray(rows) || !rows.every((row) => Array.isArray(row))) return;
    const columns = ['smmap_n', 'address', 'value', 'state'];
    const found = unlessFailed(() => rowsByQuestion(columns, rows as unknown[][], { asked: 1, size: 2 }));
    if (found === undefined) return;
    assert(
      rows.every(([at]) => at === 0 || at === 1),
      'a row belongs to nobody',
    );
    unlessFailed(() => answerOf(FRED, found[0] ?? []));
  },
  /** A quota is a number, and what adds nothing changes nothing. */
  maildirsize: (bytes) => {
    const text = bytes.toString('latin1');
    const isOver = readQuota(text);
    if (isOver !== null) assert.equal(readQuota(`${text}\n0 0\n`), isOver);
  },
};
