import { encodeNetstring } from '../src/protocol/netstring.ts';
import { formatRequest } from '../src/protocol/request.ts';

/** Keys of one form: `<N>` in it stands for a number below `count`. */
export interface Keys {
  readonly form: string;
  readonly count: number;
}

/** What the load asks: a map by its name, for keys of these forms, each form as often as the others. */
export interface Questions {
  readonly map: string;
  readonly keys: readonly Keys[];
}

/** The map that every daemon of the bench has, beside those that a part adds. */
export const MAP = 'cyrus';

/** The mailboxes of the bench are user0@example.org, user1@example.org and so on. */
export function addressOf(number: number): string {
  return `user${number}@example.org`;
}

/** Mailboxes that exist, of so many. */
export function present(mailboxes: number): Keys {
  return { form: 'user<N>@example.org', count: mailboxes };
}

/** Mailboxes that do not exist. Each would stand beside one that does, so a store looks for them in as many places. */
export function absent(mailboxes: number): Keys {
  return { form: 'user<N>x@example.org', count: mailboxes };
}

/** The frame that asks a map for a key. */
export function requestFor(map: string, key: string): string {
  return encodeNetstring(formatRequest(map, key));
}

/** Frames that ask for random keys. */
export function randomFrames(
  frameCount: number,
  { map, keys }: Questions,
  frameOf: (map: string, key: string) => string = requestFor,
): string[] {
  const below = (limit: number): number => Math.floor(Math.random() * limit);
  const frames = Array.from({ length: frameCount }, () => {
    const { form, count } = keys[below(keys.length)] as Keys;
    return frameOf(map, form.replace('<N>', String(below(count))));
  });
  // Each becomes a flat string of one-byte characters, so that V8 flattens nothing while the clock runs
  const bytes = Buffer.from(frames.join(''), 'latin1');
  let end = 0;
  return frames.map((frame) => bytes.toString('latin1', end, (end += frame.length)));
}
