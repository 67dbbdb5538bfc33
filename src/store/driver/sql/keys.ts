import { type Context, complain, type Mistake, optional, text, z } from '../../../toml/type.ts';
import type { Question } from '../../../vocabulary.ts';
import { forEachQuery, QUERIES, type QueryName, queryNameOf } from '../../asked.ts';
import { type Dialect, type Queries, type Query, parseQuery } from './query.ts';
import { firstIsEnough, SCHEMAS, type SchemaName } from './schema.ts';

/** The keys that all SQL drivers have: a schema that smmap knows, queries of your own, or both. */
export const queryKeys = {
  schema: z
    .string()
    .optional()
    .describe(`one of ${Object.keys(SCHEMAS).join(', ')}`),
  ...forEachQuery(optional(text('a SELECT'))),
};

type QueryKeys = { readonly schema?: string | undefined } & { readonly [name in QueryName]: string | null };

/** The queries of a schema. A query in the configuration replaces that of the schema. */
export function queriesOf(raw: QueryKeys, dialect: Dialect, context: Context): Queries {
  const mistakes: Mistake[] = [];
  const known = Object.hasOwn(SCHEMAS, raw.schema ?? '') ? SCHEMAS[raw.schema as SchemaName][dialect] : undefined;
  if (raw.schema !== undefined && known === undefined) {
    const names = Object.entries(SCHEMAS).filter(([, dialects]) => dialects[dialect] !== undefined);
    const remedy = `give one of ${names.map(([name]) => name).join(', ')}, or queries of your own`;
    mistakes.push({ key: 'schema', reason: `is "${raw.schema}", which does not exist for ${dialect}`, remedy });
  }
  const queries = new Map<QueryName, Query>();
  for (const name of QUERIES) {
    const written = raw[name] ?? known?.[name];
    if (written === undefined) continue;
    const isOwn = raw[name] !== null || known === undefined;
    const query = parseQuery(name, written, dialect, isOwn ? undefined : firstIsEnough(raw.schema as SchemaName, name));
    if ('flaw' in query) {
      mistakes.push({ key: name, reason: query.flaw, remedy: 'give a SELECT with parameters such as :address' });
    } else {
      queries.set(name, query);
    }
  }
  if (mistakes.length === 0 && queries.size === 0) {
    const remedy = `give it a schema, or at least one of ${QUERIES.join(', ')}`;
    mistakes.push({ key: '', reason: 'has no query', remedy });
  }
  complain(context, mistakes);
  return Object.fromEntries(queries);
}

export interface Asked {
  readonly queries: Queries;
}

/** A database answers what it has a query for. A canary is wise: an emptied table looks as if it was always empty. */
export const sqlAnswers = {
  answers: ({ queries }: Asked, question: Question): boolean => queries[queryNameOf(question)] !== undefined,
  canary: () => 'wise' as const,
  lacksValue({ queries }: Asked, question: Question): boolean {
    const query = queries[queryNameOf(question)]?.parts.join(' ') ?? '*';
    return /^select\b/i.test(query) && !/\bvalue\b|\*/i.test(query);
  },
};
