import { expect, it, vi } from 'vitest';
import { createLook } from '../../src/store/driver/file/look.ts';

it('calls that wait share one look, which begins after each of them', async () => {
  let looks = 0;
  const look = createLook(async () => ++looks);
  const first = look();
  const same = look();
  expect([await first, await same]).toEqual([1, 1]);
  expect(await look()).toBe(2);
});

it('a call during a look waits for the next one', async () => {
  const ends: (() => void)[] = [];
  const look = createLook(() => new Promise<number>((resolve) => ends.push(() => resolve(ends.length))));
  const first = look();
  await vi.waitFor(() => expect(ends).toHaveLength(1));
  const second = look();
  ends[0]?.();
  expect(await first).toBe(1);
  await vi.waitFor(() => expect(ends).toHaveLength(2));
  ends[1]?.();
  expect(await second).toBe(2);
});

it('while a look hangs, calls fail after a while, then at once, and no other look begins', async () => {
  let looks = 0;
  let end = (): void => {};
  const look = createLook(async () => {
    if (++looks === 1) await new Promise<void>((resolve) => (end = resolve));
    return looks;
  });
  await expect(look()).rejects.toThrow('no look at the files within 1500 ms');
  const begun = performance.now();
  await expect(look()).rejects.toThrow('no look at the files within 1500 ms');
  expect(performance.now() - begun).toBeLessThan(500);
  expect(looks).toBe(1);
  end();
  await vi.waitFor(async () => expect(await look()).toBe(2));
});
