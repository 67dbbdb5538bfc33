// One connection of the load. Its answers belong to its questions by their order, and by nothing else.

import { connect } from 'node:net';
import type { Answer, Question } from './judge.ts';

export interface Watcher {
  answered(question: Question, answer: Answer): void;
  /** The connection ended without an answer to the question. `oldestMs`: when the first such question was sent. */
  ended(question: Question, oldestMs: number, nowMs: number): void;
  /** More came than was asked for, or no netstring, or nothing at all. */
  broken(flaw: 'exchanged' | 'garbled' | 'late', question: Question | null, what: string): void;
}

export interface Client {
  /** Sends all in one write, and resolves when all are answered or the connection has ended. */
  ask(questions: readonly Omit<Question, 'sentMs'>[]): Promise<void>;
  readonly over: boolean;
  /** Ends its half: what was asked will still be answered. */
  half(): void;
  /** Leaves without waiting for answers. */
  leave(): void;
}

const LONGEST_MS = 15_000;

const STALL_MS = 250;

/** The turns of this process's own loop. */
export interface Loop {
  /** What is read now did not come before: the time of the turn before the last one. */
  readonly notBeforeMs: () => number;
  stop(): void;
}

/** `stalled` is told of each turn that took long. */
export function watchLoop(clock: () => number, stalled: (forMs: number) => void): Loop {
  let [last, before] = [clock(), clock()];
  const timer = setInterval(() => {
    before = last;
    last = clock();
    if (last - before > STALL_MS) stalled(last - before);
  }, 10);
  return { notBeforeMs: () => before, stop: () => clearInterval(timer) };
}

/** Rejects where nobody listens. */
export async function openClient(
  path: string,
  clock: () => number,
  notBeforeMs: () => number,
  watcher: Watcher,
): Promise<Client> {
  const socket = connect(path);
  const waiting: Question[] = [];
  let rest = '';
  let over = false;
  let wake = (): void => {};
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  const end = (): void => {
    if (over) return;
    over = true;
    const oldestMs = waiting[0]?.sentMs ?? 0;
    for (const question of waiting) watcher.ended(question, oldestMs, clock());
    waiting.length = 0;
    socket.destroy();
    wake();
  };
  const take = (payload: string): void => {
    const question = waiting.shift();
    if (question === undefined) watcher.broken('exchanged', null, `an answer that nobody asked for: ${payload}`);
    else watcher.answered(question, { payload, connection: socket, notBeforeMs: notBeforeMs(), nowMs: clock() });
  };
  socket.setEncoding('latin1').on('end', end).on('close', end).on('error', end);
  socket.on('data', (text: string) => {
    rest += text;
    for (;;) {
      const [head = '', length] = /^(\d{1,6}):/.exec(rest) ?? [];
      const endAt = head.length + Number(length);
      if (head === '' ? rest.length > 6 : rest.length > endAt && rest[endAt] !== ',') {
        watcher.broken('garbled', waiting[0] ?? null, `no netstring: ${rest.slice(0, 50)}`);
        waiting.length = 0;
        return end();
      }
      if (head === '' || rest.length <= endAt) break;
      const payload = rest.slice(head.length, endAt);
      rest = rest.slice(endAt + 1);
      take(payload);
    }
    if (waiting.length === 0) wake();
  });
  return {
    async ask(questions) {
      if (over) return;
      const sentMs = clock();
      waiting.push(...questions.map((question) => ({ ...question, sentMs })));
      socket.write(questions.map(({ map, key }) => framed(`${map} ${key}`)).join(''));
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => {
          for (const question of waiting.splice(0))
            watcher.broken('late', question, `no answer within ${LONGEST_MS} ms`);
          end();
        }, LONGEST_MS);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    },
    get over() {
      return over;
    },
    half: () => void socket.end(),
    leave() {
      waiting.length = 0;
      end();
    },
  };
}

function framed(payload: string): string {
  return `${payload.length}:${payload},`;
}
