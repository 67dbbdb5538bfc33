import { fileURLToPath } from 'node:url';
import { describe, test } from 'vitest';

/** Where parts.sh has put the mail servers. */
export const PARTS = process.env['SMMAP_PARTS'] ?? fileURLToPath(new URL('../../.parts', import.meta.url));

/** Tests that need something real. Where that is missing they are one skip that says why, and a failure where CI=true. */
export function describePart<T extends object>(title: string, part: T | { missing: string }, tests: (part: T) => void) {
  if (!('missing' in part)) {
    describe(title, () => tests(part));
  } else if (process.env['CI'] === 'true') {
    test(`${title} is here`, () => {
      throw new Error(part.missing);
    });
  } else {
    process.stderr.write(`skipped: ${title}: ${part.missing}\n`);
    test.skip(`${title}: ${part.missing}`, () => {});
  }
}
