import { formatEndpoint } from '../../../endpoint.ts';
import { type Context, complain, type Read, section, wholeNumber } from '../../../toml/type.ts';
import type { Question } from '../../../vocabulary.ts';
import type { Driver } from '../../driver.ts';
import { serverKeys } from '../../guard/keys.ts';
import { endpoints, secretFiles } from '../../server.ts';
import { advice } from '../callout/advice.ts';
import { checkCallout, loginKeys, loginOf, machinesInClear, nobodyOf } from '../callout/keys.ts';

/** The keys of a store that asks an LMTP server by RCPT TO. */
const keys = section(
  {
    server: endpoints,
    ...loginKeys,
    ...serverKeys,
    timeout_ms: wholeNumber(10, 60_000, 3_000, 'milliseconds'), // Dovecot needs 2 to 3 s to say that its database is down
    batch: wholeNumber(1, 1_000, 50, 'questions'),
    connections: wholeNumber(1, 5, 2, 'connections'), // Dovecot counts an open RCPT as a delivery, ten of them at most
  },
  (raw, context: Context) => complain(context, checkCallout(raw, raw.server)),
);

/** The configuration of an LMTP store. */
export type LmtpConfig = Read<typeof keys>;

/** The driver for servers that take mail by LMTP: Cyrus, Dovecot and others. */
export const lmtp: Driver<LmtpConfig> = {
  package: null,
  keys,
  answers: (_, question: Question) => question.about === 'mailbox' && question.folder === null,
  canary: () => 'needed', // a list of mailboxes that was lost, or a wrong domain, refuses everybody
  secretsInClear: (config) => ({ hosts: machinesInClear(config, config.server), remedy: 'tls = {}' }),
  files: ({ passwordFile }) => secretFiles('password_file', passwordFile),
  advice: ({ server }, failure) => advice(server, failure),
  load: () => import('./driver.ts'),
  async open(config) {
    const { createLmtp } = await import('./driver.ts');
    const shared = { ...config, login: loginOf(config), canaries: config.canary, nobody: nobodyOf(config.canary) };
    return {
      servers: config.server.map((endpoint) => ({
        name: formatEndpoint(endpoint),
        bulk: createLmtp({ ...shared, endpoint }),
      })),
      guards: config,
      proves: true,
    };
  },
};
