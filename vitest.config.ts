import { configDefaults, defineConfig } from 'vitest/config';
import { summaryReporter } from './test/support/summary.ts';

const results = process.env['SMMAP_RESULTS']; // a file, for .ci/run

/** Whole systems, which take long: `npm run test:suites`. */
const SUITES = 'test/suites/**';

/** Files that judge how late something is. They run behind the others, each alone. */
const PUNCTUAL = [
  'test/real/{load,patience,restart,start}.test.ts',
  'test/unit/patience.test.ts',
  'test/wire/{chaos,limits}.test.ts',
];

const test = {
  // They end what hangs, and judge nothing: on a busy machine a test of 5 s takes a minute.
  testTimeout: 120_000,
  hookTimeout: 120_000,
  expect: { poll: { timeout: 20_000 } },
  restoreMocks: true,
  chaiConfig: { truncateThreshold: 2_000 }, // what differs is in the message, the one thing that .ci/run prints of a failure
};

export default defineConfig({
  test: {
    projects: [
      {
        // Most tests wait most of the time: two files run side by side, on one core too.
        test: {
          ...test,
          name: 'two',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, SUITES, ...PUNCTUAL],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      { test: { ...test, name: 'alone', include: PUNCTUAL, maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
    reporters: [
      'default',
      summaryReporter(),
      ...(results === undefined ? [] : [['json', { outputFile: results }] as ['json', { outputFile: string }]]),
    ],
  },
});
