import { type Read, section } from '../../../toml/type.ts';
import type { Driver } from '../../driver.ts';
import { watchedKeys } from '../../guard/keys.ts';
import { hostOf, secretFile, secretFiles, secretIn, tls, urls } from '../../server.ts';
import { queriesOf, queryKeys, sqlAnswers } from '../sql/keys.ts';
import { advice } from './advice.ts';
import { parseUrl } from './statement.ts';

const keys = section({
  url: urls(parseUrl, 'postgresql://smmap@db.example.org/mail'),
  password_file: secretFile,
  tls,
  ...queryKeys,
  ...watchedKeys,
}).transform((raw, context) => {
  const queries = queriesOf(raw, 'postgresql', context);
  return { ...raw, queries };
});

/** The configuration of a PostgreSQL store. */
export type PostgresqlConfig = Read<typeof keys>;

/** The driver for PostgreSQL. */
export const postgresql: Driver<PostgresqlConfig> = {
  package: 'pg',
  keys,
  ...sqlAnswers,
  secretsInClear: ({ url, passwordFile, tls: secure }) => ({
    hosts: passwordFile !== null && secure === null ? url.map(machineOf) : [],
    remedy: 'tls = {}',
  }),
  files: ({ passwordFile }) => secretFiles('password_file', passwordFile),
  advice,
  load: () => import('./driver.ts'),
  async open(config) {
    const { createPostgresql, watchPostgresql } = await import('./driver.ts');
    const password = secretIn(config.passwordFile);
    return {
      servers: config.url.map((url) => ({ name: hostOf(url), bulk: createPostgresql({ ...config, url, password }) })),
      guards: config,
      watch: (channel, changed) =>
        watchPostgresql({ ...config, url: config.url[0] as string, password }, channel, changed),
    };
  },
};

function machineOf(url: string): string {
  const read = parseUrl(url);
  return 'flaw' in read ? '' : read.host;
}
