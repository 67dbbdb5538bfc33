import type { Driver } from '../../driver.ts';
import { listedAndWatchedKeys } from '../../guard/keys.ts';
import { serversAt } from '../../server.ts';
import { listOf, optionsAt, type SqlConfig, sqlServer } from '../sql/server.ts';
import { advice } from './advice.ts';
import { parseUrl } from './statement.ts';

/** The driver for PostgreSQL. */
export const postgresql: Driver<SqlConfig> = {
  package: 'pg',
  ...sqlServer('postgresql', parseUrl, 'postgresql://smmap@db.example.org/mail', listedAndWatchedKeys),
  advice,
  load: () => import('./driver.ts'),
  async open(config) {
    const { createPostgresql, listPostgresql, watchPostgresql } = await import('./driver.ts');
    const [first] = config.url as [string];
    return {
      servers: serversAt(config.url, (url) => createPostgresql(optionsAt(url, config))),
      guards: config,
      ...listOf(config, (listing) => listPostgresql(optionsAt(first, config), listing)),
      watch: (channel, changed) => watchPostgresql(optionsAt(first, config), channel, changed),
    };
  },
};
