import { formatEndpoint } from '../../../endpoint.ts';
import {
  type Context,
  complain,
  oneOf,
  optional,
  parsedBy,
  type Read,
  section,
  text,
  wholeNumber,
  z,
} from '../../../toml/type.ts';
import * as value from '../../../toml/value.ts';
import type { MailboxQuestion, Question } from '../../../vocabulary.ts';
import type { Driver } from '../../driver.ts';
import type { Canary, Proof } from '../../guard/canary.ts';
import { DAY_MS, HOUR_MS, cacheKeys, refuseEventsAndWarm, serverKeys } from '../../guard/keys.ts';
import { endpoints, secretFiles } from '../../server.ts';
import { checkCallout, loginKeys, loginOf, machinesInClear } from '../callout/keys.ts';
import { POSTMASTER } from './check.ts';
import { HOPS } from './presets.ts';

/** The keys of a store that asks the next hop of domains by RCPT TO. */
const keys = section(
  {
    server: optional(endpoints),
    domains: z
      .array(parsedBy('a domain, such as "example.org"', value.domain))
      .default([])
      .describe('domains, such as ["example.org"]'),
    hop: oneOf(Object.keys(HOPS) as [keyof typeof HOPS], 'other'),
    helo: optional(text('the name of this machine, with its domain')),
    accepts_all: oneOf(['doubt', 'ok'], 'doubt'),
    ...loginKeys,
    ...serverKeys,
    // As verify(8) of Postfix: a mailbox is asked for again after 7 days, and counts for 31; an absence counts for 3 hours.
    cache: section(
      cacheKeys({ positiveMs: 7 * DAY_MS, negativeMs: 3 * HOUR_MS, staleMs: 31 * DAY_MS }),
      refuseEventsAndWarm,
    ).prefault({}),
    timeout_ms: wholeNumber(10, 60_000, 3_500, 'milliseconds'), // a server may let us wait for 1 to 3 s
    batch: wholeNumber(1, 1_000, 10, 'questions'),
    connections: wholeNumber(1, 5, 2, 'connections'), // Exim has 20 for the whole world
  },
  (raw, context: Context) => {
    complain(context, checkCallout(raw, raw.server ?? []));
    if (mailboxesOf(raw.canary).some(({ local }) => local === POSTMASTER)) {
      const reason = 'is a postmaster, whom mail servers accept without a look at their mailboxes';
      complain(context, [{ key: 'canary.mailbox', reason, remedy: 'give a mailbox of somebody else' }]);
    }
    if (raw.server === null && raw.domains.length === 0) {
      const remedy = 'give the next hop, such as "tcp:mx.example.org:25", or domains to ask the MX hosts of each';
      complain(context, [{ key: 'server', reason: 'is missing', remedy }]);
    }
  },
);

/** The configuration of an SMTP store. */
export type SmtpConfig = Read<typeof keys>;

/** The driver for the next hop of a gateway or a backup MX. */
export const smtp: Driver<SmtpConfig> = {
  package: null,
  keys,
  answers: (_, question: Question) => question.about === 'mailbox' && question.folder === null,
  canary: () => 'needed', // a list of mailboxes that was lost refuses everybody
  secretsInClear: (config) => ({ hosts: machinesInClear(config, config.server ?? []), remedy: 'tls = {}' }),
  files: ({ passwordFile }) => secretFiles('password_file', passwordFile),
  load: () => import('./driver.ts'),
  async open(config) {
    const { createSmtp } = await import('./driver.ts');
    const shared = { ...config, login: loginOf(config), canaries: mailboxesOf(config.canary) };
    return {
      servers: (config.server ?? [null]).map((endpoint) => ({
        name: endpoint === null ? 'MX' : formatEndpoint(endpoint),
        bulk: createSmtp({ ...shared, endpoint }),
      })),
      guards: config,
      proves: SELDOM,
    };
  },
};

/** The next hop is not asked all the time. The driver asks for the canary in the transaction of each absence. */
const SELDOM: Proof = { foundCounts: true, everyMs: null, againMs: 60_000 };

/** The mailboxes that must be found. There is at least one: the store needs it. */
function mailboxesOf(canary: ReadonlyMap<string, readonly Canary[]>): readonly MailboxQuestion[] {
  return (canary.get('mailbox') ?? []).map(({ present }) => present as MailboxQuestion);
}
