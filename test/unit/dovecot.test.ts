import { describe, expect, it, vi } from 'vitest';
import type { Verdict } from '../../src/store/driver/dovecot/auth.ts';
import { prove } from '../../src/store/driver/dovecot/proof.ts';
import { stateOf } from '../../src/store/driver/dovecot/quota.ts';
import { CanaryError } from '../../src/store/guard/canary.ts';
import { QuestionError, StoreError } from '../../src/store/store.ts';

const NAMES = ['a', 'b', 'nobody'];
const CANARY = 'canary';

/** What the passwd-file is at the beginning of a second. `gone`: Dovecot keeps what it had. */
type File = 'whole' | 'gone' | 'half' | 'empty';
const FILES: readonly File[] = ['whole', 'gone', 'half', 'empty'];

/**
 * Dovecot and its passwd-file: a new second begins before the lookup number `tick`. At the first lookup of a second it
 * looks at the file. If that is gone, this lookup finds nothing. `others`: somebody else asks first in each second.
 */
function model(tick: number, files: readonly [File, File], others: boolean) {
  let users = new Set([...NAMES.slice(0, 2), CANARY]);
  let number = 0;
  let isFirst = true;
  const look = (file: File): void => {
    if (file === 'half') users = new Set(['a']);
    if (file === 'whole') users = new Set(['a', 'b', CANARY]);
    if (file === 'empty') users = new Set();
  };
  const lookup = (name: string): Verdict => {
    const second = number >= tick ? 1 : 0;
    if (number === tick) isFirst = true;
    number++;
    const file = files[second];
    if (isFirst) {
      isFirst = false;
      look(file);
      if (file === 'gone' && !others) return 'absent';
    }
    return users.has(name) ? 'found' : 'absent';
  };
  return { ask: async (names: readonly string[]) => names.map(lookup) };
}

describe('an absence in Dovecot', () => {
  it('is never false, whatever its passwd-file is, and whenever a new second begins', async () => {
    const outcomes = { answered: 0, failed: 0 };
    for (const files of FILES.flatMap((one) => FILES.map((other) => [one, other] as const))) {
      for (let tick = 0; tick <= 12; tick++) {
        for (const others of [false, true]) {
          const { ask } = model(tick, files, others);
          const verdicts = await prove(ask, NAMES, [CANARY]).catch(() => null);
          if (verdicts === null) outcomes.failed++;
          else {
            outcomes.answered++;
            expect(verdicts, `${files.join(', ')}, tick ${tick}`).toEqual([true, true, false]);
          }
        }
      }
    }
    expect(outcomes.answered).toBeGreaterThan(100);
    expect(outcomes.failed).toBeGreaterThan(100);
  });

  it('is asked twice, and what is found only once', async () => {
    const ask = vi.fn(async (names: readonly string[]) =>
      names.map((name): Verdict => (name === 'nobody' ? 'absent' : 'found')),
    );
    expect(await prove(ask, NAMES, [CANARY])).toEqual([true, true, false]);
    expect(ask.mock.calls).toEqual([[[CANARY, ...NAMES]], [[CANARY, 'nobody']]]);
  });

  it('does not count if the two answers took over a second', async () => {
    const clock = vi.spyOn(performance, 'now').mockReturnValueOnce(0).mockReturnValueOnce(1_000);
    const [first, , nobody] = await prove(
      async (names) => names.map((name) => (name === 'nobody' ? 'absent' : 'found')),
      NAMES,
      [CANARY],
    );
    clock.mockRestore();
    expect(first).toBe(true);
    expect(nobody).toBeInstanceOf(StoreError);
    expect(String(nobody)).toContain('took 1000 ms');
  });

  it('is found after all if the second answer says so', async () => {
    let asked = 0;
    const ask = async (names: readonly string[]): Promise<readonly Verdict[]> => {
      asked++;
      return names.map((name) => (name === CANARY || asked > 1 ? 'found' : 'absent'));
    };
    expect(await prove(ask, ['a'], [CANARY])).toEqual([true]);
  });
});

describe('a failure of Dovecot', () => {
  const saying = (verdicts: Readonly<Record<string, Verdict>>) => async (names: readonly string[]) =>
    names.map((name) => verdicts[name] ?? 'found');

  it('about one user fails that user alone', async () => {
    const [a, b] = await prove(saying({ b: 'failed' }), ['a', 'b'], [CANARY]);
    expect(a).toBe(true);
    expect(b).toBeInstanceOf(QuestionError);
  });

  it('about a canary fails everything', async () => {
    const failed = prove(saying({ [CANARY]: 'failed', a: 'absent' }), ['a', 'b'], [CANARY]);
    await expect(failed).rejects.toThrow('Dovecot answers FAIL for the canary canary');
    await expect(failed).rejects.not.toBeInstanceOf(QuestionError);
  });

  it('to find one of several canaries fails everything', async () => {
    await expect(prove(saying({ second: 'absent' }), ['a'], [CANARY, 'second'])).rejects.toThrow(CanaryError);
  });
});

describe('quota-status', () => {
  it.each([
    ['OK', 'active'],
    ['DUNNO', 'active'],
    ['dunno', 'active'],
    ['OK there is room', 'active'],
    ['552 5.2.2 Mailbox is full', 'overquota'],
    ['554 5.2.2 Quota exceeded (mailbox for user is full)', 'overquota'],
    ['452 4.2.2 Voll', 'overquota'],
    ['REJECT 5.2.2 x', 'overquota'],
    ['DEFER_IF_PERMIT 4.2.2', 'overquota'],
  ])('says by %j that a mailbox is %s', (action, state) => {
    expect(stateOf(action)).toBe(state);
  });

  it.each([
    'REJECT Unknown user',
    'REJECT 5.1.1 no such user',
    'DEFER_IF_PERMIT Temporary internal error',
    '554 5.2.1 disabled',
    'OKAY',
    'Mailbox is full 5.2.2',
    '',
  ])('says nothing certain by %j', (action) => {
    expect(stateOf(action)).toBeInstanceOf(QuestionError);
  });
});
