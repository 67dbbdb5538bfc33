import { describe, expect, it, vi } from 'vitest';
import { CanaryError } from '../../src/store/guard/canary.ts';
import { confirm, proveTwice, type Proving, type Told } from '../../src/store/proof.ts';
import { QuestionError, StoreError } from '../../src/store/store.ts';

const NAMES = ['a', 'b', 'nobody'];
const CANARY = 'canary';
type Verdict = 'found' | 'absent' | 'failed';
type Ask = (names: readonly string[]) => Promise<readonly Verdict[]>;

const TOLD: Readonly<Record<Verdict, () => Told<true>>> = {
  found: () => true,
  absent: () => null,
  failed: () => new QuestionError('it fails'),
};
const proving = (ask: Ask, canaries: readonly string[]): Proving<string, true> => ({
  ask: async (names) => (await ask(names)).map((verdict) => TOLD[verdict]()),
  canariesOf: () => canaries,
  otherSpelling: (name) => (name === 'xn--canary' ? 'b\u00fccher' : null),
  nameOf: (name) => name,
});
const prove = (ask: Ask, names: readonly string[], canaries: readonly string[]) =>
  proveTwice(names, proving(ask, canaries));

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
          const alone = model(tick, files, others);
          const told = [...(await prove(ask, NAMES, [CANARY]))];
          for (const name of NAMES) told.push(...(await prove(alone.ask, [name], [CANARY])));
          told.forEach((each, at) => {
            if (each instanceof StoreError) outcomes.failed++;
            else outcomes.answered++;
            const isFound = NAMES[at % NAMES.length] !== 'nobody';
            if (!(each instanceof StoreError)) expect(each, `${files.join(', ')}, ${tick}`).toBe(isFound || null);
          });
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
    expect(await prove(ask, NAMES, [CANARY])).toEqual([true, true, null]);
    expect(ask.mock.calls).toEqual([[[CANARY, ...NAMES]], [[CANARY, 'nobody']]]);
  });

  it('that comes alone is asked without the canary first, and what is found so is not asked again', async () => {
    const ask = vi.fn(async (names: readonly string[]) =>
      names.map((name): Verdict => (name === 'nobody' ? 'absent' : 'found')),
    );
    expect(await prove(ask, ['a'], [CANARY])).toEqual([true]);
    expect(ask.mock.calls).toEqual([[['a']]]);
    ask.mockClear();
    expect(await prove(ask, ['nobody'], [CANARY])).toEqual([null]);
    expect(ask.mock.calls).toEqual([[['nobody']], [[CANARY, 'nobody']], [[CANARY, 'nobody']]]);
  });

  /** What `name` is if each time that the server is asked takes so long. */
  const proveSlowly = async (name: string, times: readonly number[], absentTimes = times.length) => {
    let nowMs = 0;
    let asked = 0;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
    const ask = async (names: readonly string[]): Promise<readonly Verdict[]> => {
      nowMs += times[asked++] ?? Number.NaN;
      return names.map((each) => (each === 'nobody' && asked <= absentTimes ? 'absent' : 'found'));
    };
    const [, told] = await prove(ask, ['a', name], [CANARY]);
    clock.mockRestore();
    return { told: told instanceof Error ? told.message : told, asked };
  };

  it('is asked a third time if the two answers took over a second, and the last two count', async () => {
    expect(await proveSlowly('nobody', [500, 499])).toEqual({ told: null, asked: 2 });
    expect(await proveSlowly('nobody', [1_000, 1, 998])).toEqual({ told: null, asked: 3 });
    expect(await proveSlowly('nobody', [1_000, 1, 1], 2)).toEqual({ told: true, asked: 3 });
  });

  it('does not count if the last two took over a second, too', async () => {
    const doubt = 'the server took 1000 ms for two answers, so an absence is not certain';
    expect(await proveSlowly('nobody', [500, 500, 500])).toEqual({ told: doubt, asked: 3 });
    expect(await proveSlowly('a', [1_000])).toEqual({ told: true, asked: 1 });
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

describe('a canary', () => {
  const saying =
    (verdicts: Readonly<Record<string, Verdict>>): Ask =>
    async (names) =>
      names.map((name) => verdicts[name] ?? 'found');
  const wordsOf = (told: readonly Told<true>[]) => told.map((each) => (each instanceof Error ? each.message : each));

  it.each<[string, Verdict, string]>([
    ['is absent', 'absent', 'the canary canary is not found'],
    ['fails', 'failed', 'the canary canary cannot be asked for: it fails'],
  ])('that %s makes each absence a doubt, and nothing that is found', async (_, verdict, why) => {
    const told = await prove(saying({ [CANARY]: verdict, b: 'absent' }), ['a', 'b'], [CANARY]);
    expect(wordsOf(told)).toEqual([true, why]);
    expect(told[1]).not.toBeInstanceOf(QuestionError);
  });

  it('is one of several that must all be found', async () => {
    const told = await prove(saying({ second: 'absent', a: 'absent' }), ['a'], [CANARY, 'second']);
    expect(told[0]).toBeInstanceOf(CanaryError);
  });

  it('is asked on the connection of the absence that is confirmed', async () => {
    const ask = vi.fn(saying({ b: 'absent' }));
    expect(await confirm(['a', 'b'], [true, null], proving(ask, [CANARY]))).toEqual([true, null]);
    expect(ask.mock.calls).toEqual([[[CANARY, 'b']]]);
    const lost = proving(saying({ [CANARY]: 'absent', b: 'absent' }), [CANARY]);
    expect(wordsOf(await confirm(['a', 'b'], [true, null], lost))).toEqual([true, 'the canary canary is not found']);
    expect(await confirm(['b'], [null], proving(saying({}), [CANARY]))).toEqual([true]);
  });

  it('may be found in its other spelling', async () => {
    const saidOf = (verdicts: Readonly<Record<string, Verdict>>) => prove(saying(verdicts), ['b'], ['xn--canary']);
    const absent = { b: 'absent', 'xn--canary': 'absent' } as const;
    expect(await saidOf(absent)).toEqual([null]);
    expect(await saidOf({ b: 'absent', 'b\u00fccher': 'failed' })).toEqual([null]);
    expect(wordsOf(await saidOf({ ...absent, 'b\u00fccher': 'absent' }))).toEqual([
      'the canary xn--canary is not found',
    ]);
    expect(wordsOf(await saidOf({ ...absent, 'b\u00fccher': 'failed' }))).toEqual([
      'the canary xn--canary is not found',
    ]);
  });

  it('fails its question alone if the server fails for that', async () => {
    const [a, b] = await prove(saying({ b: 'failed' }), ['a', 'b'], [CANARY]);
    expect(a).toBe(true);
    expect(b).toBeInstanceOf(QuestionError);
  });
});

describe('an absence in a server that answers one connection in any order', () => {
  it('is asked again only after its canaries were found', async () => {
    const asked: string[][] = [];
    const ask: Ask = async (names) => {
      asked.push([...names]);
      return names.map((name) => (name === 'nobody' ? 'absent' : 'found'));
    };
    const told = await confirm(['a', 'nobody'], [true, null], { ...proving(ask, [CANARY]), anyOrder: true });
    expect(told).toEqual([true, null]);
    expect(asked).toEqual([[CANARY], ['nobody']]);
  });

  it('is not asked for twice if it has no canaries', async () => {
    const ask = vi.fn<Ask>();
    expect(await confirm(['nobody'], [null], { ...proving(ask, []), anyOrder: true })).toEqual([null]);
    expect(ask).not.toHaveBeenCalled();
  });
});
