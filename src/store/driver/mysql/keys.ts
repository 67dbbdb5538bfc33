import type { Driver } from '../../driver.ts';
import { listedKeys } from '../../guard/keys.ts';
import { serversAt } from '../../server.ts';
import { listOf, optionsAt, type SqlConfig, sqlServer } from '../sql/server.ts';
import { advice } from './advice.ts';
import { parseUrl } from './statement.ts';

/** The driver for MySQL and MariaDB. */
export const mysql: Driver<SqlConfig> = {
  package: 'mysql2',
  ...sqlServer('mysql', parseUrl, 'mysql://smmap@db.example.org/mail', listedKeys),
  advice,
  load: () => import('./driver.ts'),
  async open(config) {
    const { createMysql, listMysql } = await import('./driver.ts');
    const [first] = config.url as [string];
    return {
      servers: serversAt(config.url, (url) => createMysql(optionsAt(url, config))),
      guards: config,
      ...listOf(config, (listing) => listMysql(optionsAt(first, config), listing)),
    };
  },
};
