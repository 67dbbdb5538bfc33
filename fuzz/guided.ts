// What Jazzer.js runs: the target that the environment names.

import type { Target } from './target.ts';
import { TARGETS } from './targets.ts';

/** Is given each input. */
export const fuzz = TARGETS[process.env['SMMAP_FUZZ_TARGET'] ?? ''] as Target;
