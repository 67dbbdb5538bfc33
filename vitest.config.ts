import { defineConfig } from 'vitest/config';

const results = process.env['SMMAP_RESULTS']; // a file, for .ci/run

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    restoreMocks: true,
    reporters: results === undefined ? ['default'] : ['default', ['json', { outputFile: results }]],
  },
});
