import { parsedBy, type Read, section } from '../../../toml/type.ts';
import * as value from '../../../toml/value.ts';
import type { Driver } from '../../driver.ts';
import { contentKeys } from '../../guard/keys.ts';
import { queriesOf, queryKeys, sqlAnswers } from '../sql/keys.ts';

const keys = section({
  path: parsedBy('the absolute path of a file', value.absolutePath),
  ...queryKeys,
  ...contentKeys,
}).transform((raw, context) => ({ ...raw, queries: queriesOf(raw, 'sqlite', context) }));

/** The configuration of an SQLite store. */
export type SqliteConfig = Read<typeof keys>;

/** The driver for files of SQLite. */
export const sqlite: Driver<SqliteConfig> = {
  package: null, // library.ts chooses one
  keys,
  ...sqlAnswers,
  files: ({ path }) => [{ key: 'path', path, kind: 'file', right: 'read' }],
  load: () => import('./driver.ts'),
  async open(config) {
    const { sqliteOpener } = await import('./driver.ts');
    return { reopen: await sqliteOpener(config) };
  },
};
