import type { TestOptions } from 'vitest';

/** The options of a test that takes many seconds and is not needed each time: it runs only with CI=true, else it is a skip. */
export const LONG: TestOptions =
  process.env['CI'] === 'true'
    ? {}
    : { skip: true, meta: { why: 'takes long: runs only with CI=true, as in .ci/run' } };

/** Whether tests also repeat with another server or other data what they test anyway. */
export const IS_CAMPAIGN = process.env['SMMAP_LONG'] === '1';

/** The options of a test that repeats with another server or other data what is tested anyway: it runs only with SMMAP_LONG=1. */
export const CAMPAIGN: TestOptions = IS_CAMPAIGN
  ? {}
  : { skip: true, meta: { why: 'repeats another test: runs only with SMMAP_LONG=1' } };

/** How often a test reloads and takes over while clients ask: 20 times with SMMAP_LONG=1. */
export const RENEWALS = IS_CAMPAIGN ? 20 : 6;
