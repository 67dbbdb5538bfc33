import { expect, it } from 'vitest';
import { ConfigError } from '../../src/config/config.ts';
import { createReloads, refusalOf, type Reloaded } from '../../src/daemon/reloads.ts';
import { ListenError } from '../../src/socket/claim.ts';
import { MissingPackageError } from '../../src/store/store.ts';

/** Reloads that end when the test says so. */
function make() {
  const running: ((outcome: Reloaded) => void)[] = [];
  const reloads = createReloads();
  const begin = (): void => reloads.begin(() => new Promise((resolve) => void running.push(resolve)));
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  };
  return { running, reloads, begin, settle };
}

it('waits with what is requested during the start, and serves it once', async () => {
  const { running, reloads, begin, settle } = make();
  const requests = [reloads.request(), reloads.request()];
  await settle();
  expect(running).toHaveLength(0);
  begin();
  await settle();
  expect(running).toHaveLength(1);
  running[0]?.({ changes: ['x'] });
  expect(await Promise.all(requests)).toEqual([{ changes: ['x'] }, { changes: ['x'] }]);
});

it('answers what is requested during a reload by one more, which reads the file anew', async () => {
  const { running, reloads, begin, settle } = make();
  begin();
  const first = reloads.request();
  await settle();
  const others = [reloads.request(), reloads.request()];
  await settle();
  expect(running).toHaveLength(1);
  running[0]?.({ changes: ['first'] });
  await settle();
  expect(running).toHaveLength(2);
  running[1]?.({ changes: ['second'] });
  expect(await Promise.all([first, ...others])).toEqual(
    ['first', 'second', 'second'].map((each) => ({ changes: [each] })),
  );
  await settle();
  expect(running).toHaveLength(2);
});

it('knows whose fault it is', () => {
  const errors = [
    new ConfigError('file', []),
    new MissingPackageError('pg'),
    new ListenError('in use'),
    new TypeError('x'),
  ];
  expect(errors.map(refusalOf)).toEqual(['configuration', 'configuration', 'listener', 'bug']);
});
