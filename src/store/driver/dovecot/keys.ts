import { formatEndpoint } from '../../../endpoint.ts';
import { optional, parsedBy, type Read, section } from '../../../toml/type.ts';
import { queryNameOf } from '../../asked.ts';
import type { Driver } from '../../driver.ts';
import { serverKeys } from '../../guard/keys.ts';
import { endpoint, endpoints } from '../../server.ts';
import { advice } from './advice.ts';

/** The keys of a Dovecot: its sockets, and for which of its services smmap asks. */

const keys = section({
  server: endpoints,
  /** As `%s` in the configuration of Dovecot: its LMTP server delivers, so smmap asks what that asks. */
  service: parsedBy('a name, such as "lmtp"', word).default('lmtp'),
  quota: optional(endpoint),
  ...serverKeys,
});

/** The configuration of a Dovecot. */
export type DovecotConfig = Read<typeof keys>;

/** The driver for the users of Dovecot, by its socket auth-userdb. */
export const dovecot: Driver<DovecotConfig> = {
  package: null,
  keys,
  answers: (_, question) => queryNameOf(question) === 'mailbox',
  // Without its passwd-file, and to whom it does not trust, Dovecot says NOTFOUND.
  canary: (_, question) => (queryNameOf(question) === 'mailbox' ? 'needed' : 'not needed'),
  advice,
  load: () => import('./driver.ts'),
  async open(config) {
    const { createDovecot } = await import('./driver.ts');
    const canaries = [config.canary.get('mailbox') ?? []].flat().map(({ present }) => present);
    return {
      servers: config.server.map((each) => ({
        name: formatEndpoint(each),
        bulk: createDovecot({ ...config, endpoint: each, canaries }),
      })),
      guards: config,
      proves: true,
    };
  },
};

function word(raw: string): string {
  if (!/^[\w-]{1,40}$/.test(raw)) throw new Error(`"${raw}" is not the name of a service of Dovecot`);
  return raw;
}
