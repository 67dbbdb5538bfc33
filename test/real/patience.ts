import { connect } from 'node:net';
import { request } from './client.ts';

const PATIENCE_MS = 5_000; // as long as Exim's readsocket waits, and Sendmail where -d5 says so
const LATE_MS = 6_000; // after that, for which a client that gave up waits for what it must not get

/** What a client asks, and the only two replies to it that are true besides TEMP. */
export interface Asked {
  readonly key: string;
  readonly exists: boolean;
}

/** What came back to all clients. */
export interface Outcome {
  ok: number;
  notFound: number;
  temp: number;
  /** Connections that the server ended, or that could not be made. */
  ended: number;
  /** Questions that their client gave up, and went on to the next one on the same connection. */
  givenUp: number;
  /** Replies that came after their client had given up, and were taken for the reply to another question. */
  late: number;
  /** Replies of which a mail server would make a wrong one: `nobody@a.example got OK fred@a.example`. */
  readonly wrong: string[];
  slowestMs: number;
}

export function noOutcome(): Outcome {
  return { ok: 0, notFound: 0, temp: 0, ended: 0, givenUp: 0, late: 0, wrong: [], slowestMs: 0 };
}

interface Question {
  readonly asked: Asked;
  readonly sentMs: number;
  givenUp: boolean;
}

/**
 * Asks one question after the other until `untilMs`, as Sendmail does: it waits for five seconds, and then asks the next one on
 * the same connection, where it takes whatever comes first for the reply to that. Where the server ends the connection it
 * makes another.
 */
export async function askOnOne(path: string, next: () => Asked, untilMs: number, outcome: Outcome): Promise<void> {
  while (performance.now() < untilMs) {
    const connection = open(path, outcome);
    do {
      await connection.ask(next());
    } while (!connection.over() && performance.now() < untilMs);
    await connection.close();
  }
}

/** Asks one question on a connection of its own, as Exim does, but stays to see whether a late answer comes. */
export async function askAnew(path: string, asked: Asked, outcome: Outcome): Promise<void> {
  const connection = open(path, outcome);
  await connection.ask(asked);
  await connection.close();
}

interface Asking {
  /** Resolves when something came back, the connection ended, or the client gave up. */
  ask(asked: Asked): Promise<void>;
  over(): boolean;
  /** Waits a while for answers that were given up. */
  close(): Promise<void>;
}

function open(path: string, outcome: Outcome): Asking {
  const socket = connect(path);
  const unanswered: Question[] = [];
  let rest = '';
  let ended = false;
  let wake = (): void => {};
  const end = (): void => {
    if (!ended) outcome.ended++;
    ended = true;
    wake();
  };
  socket.on('end', end);
  socket.on('error', end);
  socket.setEncoding('utf8').on('data', (text: string) => {
    rest += text;
    for (let cut = cutReply(rest); cut !== null; cut = cutReply(rest)) {
      rest = rest.slice(cut.length);
      take(cut.payload, unanswered, outcome);
    }
    wake();
  });
  const cameWithin = (ms: number): Promise<boolean> =>
    new Promise((resolve) => {
      // One more turn of this process's own loop, in which it reads what came in time while it was busy itself.
      const timer = setTimeout(() => setImmediate(resolve, false), ms);
      wake = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  return {
    async ask(asked) {
      const question: Question = { asked, sentMs: performance.now(), givenUp: false };
      unanswered.push(question);
      socket.write(request('m', asked.key));
      if (ended || (await cameWithin(PATIENCE_MS))) return;
      question.givenUp = true;
      outcome.givenUp++;
    },
    over: () => ended,
    async close() {
      if (!ended && unanswered.length > 0) await cameWithin(LATE_MS);
      socket.off('end', end);
      socket.destroy();
    },
  };
}

/** The reply belongs to the question that waits for longest; the client takes it for the one to its newest. */
function take(payload: string, unanswered: Question[], outcome: Outcome): void {
  const newest = unanswered.at(-1) as Question;
  const { sentMs, givenUp } = unanswered.shift() as Question;
  outcome.slowestMs = Math.max(outcome.slowestMs, Math.round(performance.now() - sentMs));
  if (givenUp) outcome.late++;
  const { key, exists } = newest.asked;
  if (payload.startsWith('TEMP ')) outcome.temp++;
  else if (payload === `OK ${key}` && exists) outcome.ok++;
  else if (payload === 'NOTFOUND ' && !exists) outcome.notFound++;
  else outcome.wrong.push(`${key.slice(0, 50)} got ${payload.slice(0, 50)}`);
}

function cutReply(text: string): { readonly payload: string; readonly length: number } | null {
  const colon = text.indexOf(':');
  if (colon === -1) return null;
  const end = colon + 1 + Number(text.slice(0, colon));
  return text.length > end ? { payload: text.slice(colon + 1, end), length: end + 1 } : null;
}
