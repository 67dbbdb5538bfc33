// The inputs of fuzz/corpus, and some changed ones, in each run of the tests.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { mutated, readCorpus } from '../../fuzz/inputs.ts';
import { TARGETS } from '../../fuzz/targets.ts';

const FOLDER = 'fuzz/corpus';

it.each(Object.entries(TARGETS))('%s holds for its corpus, and for changes of it', async (name, target) => {
  const corpus = readCorpus(FOLDER, name);
  expect(corpus.length).toBeGreaterThan(2);
  for (const bytes of corpus) await target(bytes);
  const holds = fc.asyncProperty(mutated(corpus), async (bytes) => target(bytes));
  await fc.assert(holds, { numRuns: 200 });
});
