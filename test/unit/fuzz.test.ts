// The inputs of fuzz/corpus, and some changed ones, in each run of the tests.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { mutated, readCorpus } from '../../fuzz/inputs.ts';
import { SESSIONS, saidBy } from '../../fuzz/sessions.ts';
import { TARGETS } from '../../fuzz/targets.ts';

const FOLDER = 'fuzz/corpus';

it.each(Object.entries(TARGETS))('%s holds for its corpus, and for changes of it', async (name, target) => {
  const corpus = readCorpus(FOLDER, name);
  expect(corpus.length).toBeGreaterThan(2);
  for (const bytes of corpus) await target(bytes);
  const holds = fc.asyncProperty(mutated(corpus), async (bytes) => target(bytes));
  await fc.assert(holds, { numRuns: 200 });
});

it.each(Object.keys(SESSIONS))('%s has an input for each answer, so its target looks at all', async (name) => {
  const said = await Promise.all(readCorpus(FOLDER, name).map((bytes) => saidBy(name, bytes)));
  expect(said).toContain('failed');
  expect(said.some((each) => each !== null && each !== 'failed')).toBe(true);
  if (name !== 'dovecot-quota') expect(said).toContain(null); // it is asked only about who exists
});
