import { complain, parsedBy, type Read, section, z } from '../../../toml/type.ts';
import * as value from '../../../toml/value.ts';
import type { MailboxQuestion } from '../../../vocabulary.ts';
import type { Driver } from '../../driver.ts';
import type { Proof } from '../../guard/canary.ts';
import { serverKeys } from '../../guard/keys.ts';

/** getent is not run for the guard alone: it finds out about the canaries with each question. */
const UNASKED: Proof = { foundCounts: true, everyMs: null, againMs: 1_000 };

const MOST = 4_294_967_294;
const id = z.int().min(0).max(MOST);
const domain = parsedBy('a domain, such as "example.org"', value.domain);

const keys = section(
  {
    domains: z.array(domain).min(1).describe('the domains whose mailboxes the accounts are, in a list'),
    uid: z.pair(id).default([1_000, 59_999]).describe('the lowest and the highest uid, such as [1000, 59999]'),
    believe: z.array(z.string()).default([]).describe('sources of /etc/nsswitch.conf in a list, such as ["ldap"]'),
    ...serverKeys,
  },
  (raw, context) => {
    const canary = raw.canary.get('mailbox')?.[0]?.present;
    const remedy = 'give an account that exists, in the source that fails first, such as a user of LDAP';
    if (canary === undefined) complain(context, [{ key: 'canary.mailbox', reason: 'is missing', remedy }]);
    else if (canary.about === 'mailbox' && !raw.domains.includes(canary.domain)) {
      const reason = 'is in none of the domains';
      complain(context, [{ key: 'canary.mailbox', reason, remedy: 'give an address in one of them' }]);
    }
  },
);

/** The configuration of a passwd store. */
export type PasswdConfig = Read<typeof keys>;

/** The driver for the accounts of this system. */
export const passwd: Driver<PasswdConfig> = {
  package: null,
  keys,
  answers: (_, question) => question.about === 'mailbox' && question.folder === null,
  canary: () => 'not needed', // it is required, and asked together with each question
  load: () => import('./driver.ts'),
  async open(config) {
    const { createPasswd } = await import('./driver.ts');
    const canaries = (config.canary.get('mailbox') ?? []).map(({ present }) => (present as MailboxQuestion).local);
    const bulk = createPasswd({ ...config, canaries });
    return { servers: [{ name: 'getent', bulk }], guards: config, proves: UNASKED };
  },
};
