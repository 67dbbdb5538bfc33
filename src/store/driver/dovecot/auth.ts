import type { Endpoint } from '../../../endpoint.ts';
import { plain, saying } from '../../../message.ts';
import { dial } from '../../dial.ts';
import type { Told } from '../../proof.ts';
import type { Session } from '../../sessions.ts';
import { QuestionError, StoreError } from '../../store.ts';
import { createLines, type Lines } from './lines.ts';

/** A connection to the socket auth-userdb. */
export interface AuthSession extends Session {
  /** Whether these are users, asked in one write. The answers are in the order of the names, which have no control characters. */
  ask(names: readonly string[]): Promise<readonly Told<true>[]>;
}

/** Of a connection. After `doveadm reload`, it is answered by the old configuration for 5 s more. */
export const MOST_AGE_MS = 1_000;
const MAJOR = '1'; // of the protocol; Dovecot 2.3 has 1.1, and 2.4 has 1.3
const ANSWERS: Readonly<Record<string, () => Told<true>>> = {
  USER: () => true,
  NOTFOUND: () => null,
  FAIL: () => new QuestionError('Dovecot answers FAIL: its log says why'), // it does not know now, or does not tell us
};
const LAST_ID = 0x7fff_ffff;

/**
 * Connects, and waits for the greeting, all within `timeoutMs`: a Dovecot whose own database was silent at its start
 * accepts connections but greets nobody.
 */
export async function openAuth(endpoint: Endpoint, service: string, timeoutMs: number): Promise<AuthSession> {
  const lines = await dial(timeoutMs, async ({ open }) => {
    const connected = createLines(await open(endpoint));
    await connected.exchange(`VERSION\t${MAJOR}\t1\n`, takeGreeting());
    return connected;
  });
  return createAuth(lines, service);
}

/** The session on a connection that has greeted us. */
export function createAuth(lines: Lines, service: string): AuthSession {
  const old = performance.now() + MOST_AGE_MS;
  let id = 0;

  return {
    async ask(names) {
      const asked = new Map<string, number>();
      const requests = names.map((name, at) => {
        id = id === LAST_ID ? 1 : id + 1;
        asked.set(String(id), at);
        return `USER\t${id}\t${name}\tservice=${service}\n`; // in UTF-8, although answers are read as Latin-1
      });
      const answers: Told<true>[] = [];
      await lines.exchange(requests.join(''), (line) => {
        const [word = '', answered = ''] = line.split('\t', 2);
        const answer = ANSWERS[word];
        const at = asked.get(answered);
        if (answer === undefined || at === undefined)
          throw new StoreError(saying`the server gave no answer to our question, but ${line.slice(0, 100)}`);
        asked.delete(answered);
        answers[at] = answer();
        return asked.size === 0;
      });
      return answers;
    },
    ended: () => lines.ended() || performance.now() > old,
    close: () => lines.close(),
  };
}

/** Reads `VERSION 1 N` and `SPID N`. Other sockets of Dovecot greet with more, such as `MECH`. */
function takeGreeting(): (line: string) => boolean {
  let hasVersion = false;
  return (line) => {
    const [word, major] = line.split('\t', 2);
    if (!hasVersion && word === 'VERSION' && major === MAJOR) hasVersion = true;
    else if (hasVersion && word === 'SPID') return true;
    else
      throw new StoreError(
        saying`it greets with ${line.slice(0, 100)}, which is not auth-userdb of Dovecot; ${plain(REMEDY)}`,
      );
    return false;
  };
}

const REMEDY = 'set server to the socket auth-userdb, such as unix:/run/dovecot/auth-userdb';
