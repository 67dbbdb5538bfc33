import { describe, expect, it } from 'vitest';
import { createLuck, isActive } from '../../src/store/luck.ts';
import { StoreError } from '../../src/store/store.ts';

const ASKED = 160;
const WORTH = 0.8;

/** How many of `ASKED` questions were tried, if a try is enough for each nth question. */
function triesIf(isEnough: (nth: number) => boolean, luck = createLuck(WORTH)): number {
  let tried = 0;
  for (let nth = 0; nth < ASKED; nth++) {
    if (!luck.tries('mailbox')) continue;
    tried++;
    luck.note('mailbox', isEnough(nth) ? 1 : 0, 1);
  }
  return tried;
}

describe('a part of a question', () => {
  it('is always tried while it is enough', () => {
    expect(triesIf(() => true)).toBe(ASKED);
    expect(triesIf((nth) => nth % 10 !== 0)).toBe(ASKED);
  });

  it('is tried now and then while it is not', () => {
    const tried = triesIf(() => false);
    expect(tried).toBeGreaterThan(ASKED / 16);
    expect(tried).toBeLessThan(ASKED / 8);
  });

  it('is always tried again after it was enough again', () => {
    const luck = createLuck(WORTH);
    triesIf(() => false, luck);
    for (let turn = 0; turn < 4; turn++) triesIf(() => true, luck);
    expect(triesIf(() => true, luck)).toBe(ASKED);
  });

  it('counts a batch by its part', () => {
    const luck = createLuck(WORTH);
    for (let turn = 0; turn < 40; turn++) luck.note('mailbox', 7, 10);
    expect(luck.tries('mailbox')).toBe(false);
    expect(luck.tries('domain'), 'another query').toBe(true);
  });
});

it.each([
  ['an active entry', { value: '', state: 'active' } as const, true],
  ['a disabled one', { value: '', state: 'disabled' } as const, false],
  ['an absence', null, false],
  ['a failure', new StoreError('x'), false],
])('takes %s for the answer of the whole question: %s', (_, answer, expected) => {
  expect(isActive(answer)).toBe(expected);
});
