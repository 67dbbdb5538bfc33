import { QUERIES, type QueryName } from '../../asked.ts';
import { type Dialect, type Queries, type Query, parseQuery } from './query.ts';
import { parseUrl as parseMysqlUrl } from '../mysql/statement.ts';
import { parseUrl as parsePostgresqlUrl } from '../postgresql/statement.ts';
import { SCHEMAS, type SchemaName } from './schema.ts';
import type { StoreConfig } from '../../../config/config.ts';
import { type Context, complain, parsedBy, text, z, type Mistake } from '../../../toml/type.ts';
import * as value from '../../../toml/value.ts';
import { contentKeys, guardsOf, passwordFile, serverKeys, tls, urls } from '../../guard/keys.ts';

/** SQL databases: where they are, and a schema that we know or queries of the administrator's, or both. */

const queryKeys = {
  schema: z
    .string()
    .optional()
    .describe(`one of ${Object.keys(SCHEMAS).join(', ')}`),
  ...(Object.fromEntries(QUERIES.map((name) => [name, text('a SELECT').optional()])) as Record<
    QueryName,
    z.ZodOptional<z.ZodString>
  >),
};

type QueryKeys = { readonly schema?: string | undefined } & { readonly [name in QueryName]?: string | undefined };

const connectionKeys = { driver: z.string(), password_file: passwordFile, tls, ...queryKeys, ...serverKeys };

export const postgresql = z
  .strictObject({ ...connectionKeys, url: urls(parsePostgresqlUrl, 'postgresql://smmap@db.example.org/mail') })
  .transform((raw, context): StoreConfig => ({
    driver: 'postgresql',
    urls: raw.url,
    passwordFile: raw.password_file ?? null,
    tls: raw.tls ?? null,
    queries: queriesOf(raw, 'postgresql', context),
    guards: guardsOf(raw, 'a channel', context),
  }));

export const mysql = z
  .strictObject({ ...connectionKeys, url: urls(parseMysqlUrl, 'mysql://smmap@db.example.org/mail') })
  .transform((raw, context): StoreConfig => ({
    driver: 'mysql',
    urls: raw.url,
    passwordFile: raw.password_file ?? null,
    tls: raw.tls ?? null,
    queries: queriesOf(raw, 'mysql', context),
    guards: guardsOf(raw, 'nothing', context),
  }));

export const sqlite = z
  .strictObject({
    driver: z.string(),
    path: parsedBy('the absolute path of a file', value.absolutePath),
    ...queryKeys,
    ...contentKeys,
  })
  .transform((raw, context): StoreConfig => ({
    driver: 'sqlite',
    path: raw.path,
    queries: queriesOf(raw, 'sqlite', context),
    canaries: raw.canary,
  }));

/** A schema's queries, each of which one in the file replaces. */
function queriesOf(raw: QueryKeys, dialect: Dialect, context: Context): Queries {
  const mistakes: Mistake[] = [];
  const known = Object.hasOwn(SCHEMAS, raw.schema ?? '') ? SCHEMAS[raw.schema as SchemaName][dialect] : undefined;
  if (raw.schema !== undefined && known === undefined) {
    const names = Object.entries(SCHEMAS).filter(([, dialects]) => dialects[dialect] !== undefined);
    const remedy = `give one of ${names.map(([name]) => name).join(', ')}, or queries of your own`;
    mistakes.push({ key: 'schema', reason: `is "${raw.schema}", which ${dialect} has not`, remedy });
  }
  const queries = new Map<QueryName, Query>();
  for (const name of QUERIES) {
    const written = raw[name] ?? known?.[name];
    if (written === undefined) continue;
    const query = parseQuery(name, written, dialect);
    if ('flaw' in query) {
      mistakes.push({ key: name, reason: query.flaw, remedy: 'give a SELECT with parameters such as :address' });
    } else {
      queries.set(name, query);
    }
  }
  if (mistakes.length === 0 && queries.size === 0) {
    const remedy = `give it a schema, or one of ${QUERIES.join(', ')}`;
    mistakes.push({ key: '', reason: 'has nothing to ask the database', remedy });
  }
  complain(context, mistakes);
  return Object.fromEntries(queries);
}
