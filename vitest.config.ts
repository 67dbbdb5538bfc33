import { defineConfig } from 'vitest/config';
import { summaryReporter } from './test/support/summary.ts';

const results = process.env['SMMAP_RESULTS']; // a file, for .ci/run

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    restoreMocks: true,
    reporters: [
      'default',
      summaryReporter(),
      ...(results === undefined ? [] : [['json', { outputFile: results }] as ['json', { outputFile: string }]]),
    ],
  },
});
