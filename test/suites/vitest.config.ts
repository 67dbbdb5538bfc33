import { defineConfig } from 'vitest/config';
import { summaryReporter } from '../support/summary.ts';

/** For `npm run test:suites`: whole systems, one after the other. */
export default defineConfig({
  test: {
    include: ['test/suites/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 600_000,
    maxWorkers: 1,
    bail: 0,
    reporters: ['default', summaryReporter()],
  },
});
