// What Jazzer.js runs: the target that the environment names.

import { DRIVERS, loadDeclarations } from '../src/store/drivers.ts';
import type { Target } from './target.ts';
import { TARGETS } from './targets.ts';

await loadDeclarations(Object.keys(DRIVERS));

/** Is given each input. */
export const fuzz = TARGETS[process.env['SMMAP_FUZZ_TARGET'] ?? ''] as Target;
