import { Failure } from './case.ts';

const WORDS = ['OK', 'NOTFOUND', 'TEMP', 'TIMEOUT', 'PERM'] as const;
export type Word = (typeof WORDS)[number];

/** The status word of a reply. Throws Failure if it is not one of the five. */
export function legal(reply: string): Word {
  const word = reply.split(' ', 1)[0];
  const found = WORDS.find((each) => each === word);
  if (found === undefined) throw new Failure('the reply does not begin with OK, NOTFOUND, TEMP, TIMEOUT or PERM');
  return found;
}

/** Throws Failure if a reply does not have this word. */
export function shouldBe(word: Word, reply: string): void {
  const found = legal(reply);
  if (found !== word) throw new Failure(`the reply is ${found}, and not ${word}`);
}

/** Throws Failure if a reply says that a key was found or is absent. */
export function neither(reply: string): void {
  const word = legal(reply);
  if (word === 'OK' || word === 'NOTFOUND') throw new Failure(`the reply is ${word}`);
}
