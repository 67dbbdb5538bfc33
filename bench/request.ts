import { encodeNetstring } from '../src/protocol/netstring.ts';
import { formatRequest } from '../src/protocol/request.ts';

const MAILBOX = 'user<N>@example.org';

/** The mailboxes of the benchmark are `user0@example.org` and so on. */
export function addressOf(number: number): string {
  return keyOf(MAILBOX, number);
}

/** Keys of one form: `<N>` in it stands for any number below `count`. */
export interface Keys {
  readonly form: string;
  readonly count: number;
}

/** What a run asks: a map, by its name, for keys of all these forms, of each as often. */
export interface Questions {
  readonly map: string;
  readonly keys: readonly Keys[];
}

/** The map that Cyrus's documentation names; a daemon of the benchmark has it too. */
export const CYRUS_MAP = 'cyrus';

/** Mailboxes that are there. */
export function hits(mailboxes: number): Keys {
  return { form: MAILBOX, count: mailboxes };
}

/** As many that are not, each beside one that is: they have to be looked for in as many places of the data file. */
export function misses(mailboxes: number): Keys {
  return { form: 'user<N>x@example.org', count: mailboxes };
}

/** A frame that asks a map for a key. */
export function requestFor(map: string, key: string): string {
  return encodeNetstring(formatRequest(map, key));
}

/** Frames that ask in random order. */
export function randomRequests(frameCount: number, { map, keys }: Questions): string[] {
  const frames: string[] = [];
  for (let i = 0; i < frameCount; i++) {
    const { form, count } = keys[below(keys.length)] as Keys;
    frames.push(requestFor(map, keyOf(form, below(count))));
  }
  // Each a flat one-byte string of its own, so that no rope is flattened while the clock runs
  const bytes = Buffer.from(frames.join(''), 'latin1');
  let end = 0;
  return frames.map((frame) => bytes.toString('latin1', end, (end += frame.length)));
}

function keyOf(form: string, number: number): string {
  return form.replace('<N>', String(number));
}

function below(limit: number): number {
  return Math.floor(Math.random() * limit);
}
