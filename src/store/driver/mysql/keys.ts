import { type Read, section } from '../../../toml/type.ts';
import type { Driver } from '../../driver.ts';
import { serverKeys } from '../../guard/keys.ts';
import { hostOf, secretFile, secretFiles, secretIn, tls, urls } from '../../server.ts';
import { queriesOf, queryKeys, sqlAnswers } from '../sql/keys.ts';
import { advice } from './advice.ts';
import { parseUrl } from './statement.ts';

const keys = section({
  url: urls(parseUrl, 'mysql://smmap@db.example.org/mail'),
  password_file: secretFile,
  tls,
  ...queryKeys,
  ...serverKeys,
}).transform((raw, context) => {
  const queries = queriesOf(raw, 'mysql', context);
  return { ...raw, queries };
});

/** The configuration of a MySQL or MariaDB store. */
export type MysqlConfig = Read<typeof keys>;

/** The driver for MySQL and MariaDB. */
export const mysql: Driver<MysqlConfig> = {
  package: 'mysql2',
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
    const { createMysql } = await import('./driver.ts');
    const password = secretIn(config.passwordFile);
    return {
      servers: config.url.map((url) => ({ name: hostOf(url), bulk: createMysql({ ...config, url, password }) })),
      guards: config,
    };
  },
};

function machineOf(url: string): string {
  const read = parseUrl(url);
  return 'flaw' in read || read.path !== null ? '' : read.host;
}
