import type { Driver } from '../../../src/store/driver.ts';
import { serverKeys } from '../../../src/store/guard/keys.ts';
import { oneOf, type Read, section } from '../../../src/toml/type.ts';

const keys = section({ about: oneOf(['mailbox', 'alias'], 'mailbox'), ...serverKeys });

/** A server that has no mailboxes, or no aliases. */
export const nothing: Driver<Read<typeof keys>> = {
  package: null, // the npm package; driver.ts is the only file that imports it
  keys,
  answers: (config, question) => question.about === config.about,
  canary: () => 'wise', // `smmap check` warns about a store without a canary
  load: () => import('./driver.ts'),
  async open(config) {
    const { connect } = await import('./driver.ts');
    return { servers: [{ name: 'nowhere', bulk: connect() }], guards: config };
  },
};
