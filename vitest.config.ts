import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { summaryReporter } from './test/support/summary.ts';

const isCi = process.env['CI'] === 'true';
const results = process.env['SMMAP_RESULTS']; // a file, for .ci/run

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/support/drivers.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    restoreMocks: true,
    // Many tests wait most of the time. In CI, vitest's own number leaves them a core: some of them measure time.
    ...(isCi ? {} : { maxWorkers: Math.max(2, availableParallelism() - 1) }),
    reporters: [
      'default',
      summaryReporter(),
      ...(results === undefined ? [] : [['json', { outputFile: results }] as ['json', { outputFile: string }]]),
    ],
  },
});
