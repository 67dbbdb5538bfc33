// The sessions of stores with their servers, over a socket whose other end sends the input.

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { type Wire, wireOf } from '../src/store/dial.ts';
import { createDialogue } from '../src/store/driver/callout/dialogue.ts';
import type { Reply } from '../src/store/driver/callout/reply.ts';
import { expectReply } from '../src/store/driver/callout/session.ts';
import { verdictOf } from '../src/store/driver/callout/verdict.ts';
import { createAuth } from '../src/store/driver/dovecot/auth.ts';
import { createLines } from '../src/store/driver/dovecot/lines.ts';
import { createQuota } from '../src/store/driver/dovecot/quota.ts';
import { parseFilter, type Filter } from '../src/store/driver/ldap/filter.ts';
import { encodeSearch, type SearchRequest } from '../src/store/driver/ldap/message.ts';
import { answerTo, requestOf, type SearchOptions } from '../src/store/driver/ldap/search.ts';
import { createWire } from '../src/store/driver/ldap/wire.ts';
import { openSession } from '../src/store/driver/socketmap/session.ts';
import { answerFrom } from '../src/store/driver/socketmap/verdict.ts';
import { StoreError } from '../src/store/store.ts';
import { endsSearch } from './ber.ts';
import { FRED } from './fred.ts';
import { askPrepared, isOfPrimary } from './prepared.ts';
import type { Target } from './target.ts';

/** Begins a session. The returned function asks about Fred: null is an absence. */
type Begin = (wire: Wire) => () => Promise<unknown>;

interface Talk {
  readonly begin: Begin;
  readonly saysAbsent: (bytes: Buffer) => boolean;
  readonly isEarly: boolean;
}

const FAILED = 'failed';
const NEVER_MS = 60_000;

/** What is said of Fred when these bytes come before the question, and those pieces after it; then the server ends. */
async function told(begin: Begin, early: Buffer, pieces: readonly Buffer[]): Promise<unknown> {
  let isOver = false;
  const socket = Object.assign(new EventEmitter(), { write: () => true, end() {}, destroy: () => (isOver = true) });
  const ask = begin(wireOf(socket as unknown as Socket));
  const give = (bytes: Buffer): void => {
    if (!isOver && bytes.length > 0) socket.emit('data', Buffer.from(bytes));
  };
  give(early);
  const asked = ask().catch((cause: unknown) => {
    if (!(cause instanceof StoreError)) throw cause;
    return FAILED;
  });
  for (const piece of pieces) give(piece);
  socket.emit('close');
  return await asked;
}

/**
 * However the bytes are cut, the session fails or says the same, and it says that Fred is absent only if they say so. The
 * first byte says where they are cut. `isEarly`: bytes that come before the question are not taken for its answer.
 */
function target({ begin, saysAbsent, isEarly }: Talk): Target {
  return async (bytes) => {
    const cut = Math.min(bytes[0] ?? 0, bytes.length - 1);
    const stream = bytes.subarray(1);
    const halves = [stream.subarray(0, cut), stream.subarray(cut)] as const;
    const ways = [[stream], Array.from(stream, (byte) => Buffer.of(byte)), halves];
    const all: unknown[] = [];
    for (const pieces of ways) all.push(await told(begin, Buffer.alloc(0), pieces));
    const [first, ...others] = all.filter((each) => each !== FAILED);
    for (const other of others) assert.deepEqual(other, first);
    if (first === null) assert(saysAbsent(stream), 'an absence that the server did not say');
    if (isEarly && cut > 0) assert.equal(await told(begin, ...([halves[0], [halves[1]]] as const)), FAILED);
  };
}

const session = (begin: Begin, saysAbsent: Talk['saysAbsent'], isEarly = true): Talk => ({
  begin,
  saysAbsent,
  isEarly,
});

const LDAP: SearchOptions = {
  base: 'dc=example,dc=org',
  searches: {
    mailbox: {
      base: null,
      scope: 'sub',
      filter: parseFilter('mailbox', '(mail=:address)') as Filter,
      value: null,
      state: { attribute: 'accountStatus', values: { active: 'active', disabled: 'disabled' } },
      identity: [{ column: 'address', attribute: 'mail', prefix: null }],
    },
  },
  timeoutMs: NEVER_MS,
  certain: true,
  domainScope: false,
};

const TALKS: Readonly<Record<string, Talk>> = {
  'lmtp-session': session(
    (wire) => {
      const dialogue = createDialogue(wire);
      return async () => {
        const replies = await dialogue.say(['MAIL FROM:<>', 'RCPT TO:<fred@example.org>', 'RSET'], NEVER_MS);
        const [mail, rcpt, rset] = replies as [Reply, Reply, Reply];
        expectReply(mail, 250, 'MAIL');
        expectReply(rset, 250, 'RSET');
        const verdict = verdictOf(rcpt, 'fred@example.org', ['<> unknown']);
        if (verdict instanceof StoreError) throw verdict;
        return verdict;
      };
    },
    (bytes) =>
      /^(?:250[^\n]*\r\n)+(?:550-[^\n]*\r\n)*550 (?:5\.1\.1[ \r]|<fred@example\.org> unknown\r)/.test(bytes.toString()),
  ),
  'dovecot-auth': session(
    (wire) => {
      const auth = createAuth(createLines(wire), 'lmtp');
      return async () => {
        const [answer] = await auth.ask(['fred@example.org']);
        if (answer instanceof StoreError) throw answer;
        return answer;
      };
    },
    (bytes) => /^NOTFOUND\t1(?:\t[^\n]*)?\n/.test(bytes.toString('latin1')),
  ),
  'dovecot-quota': session(
    (wire) => {
      const quota = createQuota(createLines(wire));
      return async () => {
        const [state] = await quota.ask(['fred@example.org']);
        if (state instanceof StoreError) throw state;
        return state;
      };
    },
    () => false,
  ),
  'socketmap-session': session(
    (wire) => {
      const own = openSession(wire, NEVER_MS);
      return async () => {
        const [reply] = await own.askAll(['mailbox fred@example.org']);
        assert(reply !== undefined);
        return answerFrom(reply, FRED, 'mailbox fred@example.org', ['disabled']);
      };
    },
    (bytes) => /^(?:8:NOTFOUND,|\d+:NOTFOUND [^]*,)/.test(bytes.toString('latin1')),
  ),
  'ldap-session': session(
    ({ socket }) => {
      const wire = createWire(socket, NEVER_MS);
      const encode = encodeSearch(requestOf(FRED, LDAP) as SearchRequest);
      return async () => answerTo(FRED, await wire.request('search', encode), LDAP);
    },
    endsSearch,
    false, // each answer has the number of its question
  ),
  'postgresql-session': session(askPrepared, isOfPrimary, false),
};

/** By their names, which are those of the folders of fuzz/corpus. */
export const SESSIONS: Readonly<Record<string, Target>> = Object.fromEntries(
  Object.entries(TALKS).map(([name, talk]) => [name, target(talk)]),
);

/** What a session says of Fred when its server sends this input. */
export function saidBy(name: string, bytes: Buffer): Promise<unknown> {
  return told((TALKS[name] as Talk).begin, Buffer.alloc(0), [bytes.subarray(1)]);
}
