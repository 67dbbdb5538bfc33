import { encodeNetstring } from '../src/protocol/netstring.ts';
import { formatRequest } from '../src/protocol/request.ts';

/** The mailboxes of the benchmark are `user0@example.org` and so on. */
export function addressOf(number: number): string {
  return `user${number}@example.org`;
}

/** A frame that asks for a key; the map is the one that Cyrus's documentation names. */
export function requestFor(key: string): string {
  return encodeNetstring(formatRequest('cyrus', key));
}

/** Frames that ask for random mailboxes out of `mailboxes`, a share of them for some that are not there. */
export function randomRequests(count: number, mailboxes: number, missShare: number): string[] {
  const frames: string[] = [];
  for (let i = 0; i < count; i++) {
    const address = addressOf(Math.floor(Math.random() * mailboxes));
    frames.push(requestFor(Math.random() < missShare ? `no${address}` : address));
  }
  // Each a flat one-byte string of its own, so that no rope is flattened while the clock runs
  const bytes = Buffer.from(frames.join(''), 'latin1');
  let end = 0;
  return frames.map((frame) => bytes.toString('latin1', end, (end += frame.length)));
}
