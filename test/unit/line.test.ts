import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { LineDecoder } from '../../src/protocol/line.ts';

const LINES = Buffer.from('mailbox fred@example.org\n'.repeat(2_600)); // as much as one read takes

it('a client that has said all keeps no memory', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const held = (): number => {
    collect();
    return process.memoryUsage().arrayBuffers;
  };
  const before = held();
  const idle = Array.from({ length: 200 }, () => new LineDecoder(10_000));
  for (const decoder of idle) {
    decoder.push(LINES);
    while (decoder.next() !== null);
  }
  expect(held() - before).toBeLessThan(100 * LINES.length); // V8 frees some of it a little later
  expect(idle.some(({ unfinished }) => unfinished)).toBe(false);
});
