import type { Question } from '../../../vocabulary.ts';
import { forEachQuery, QUERIES, type QueryName, queryNameOf } from '../../asked.ts';
import { type Context, complain, type Mistake, optional, text, z } from '../../../toml/type.ts';
import { type Dialect, type Queries, type Query, parseQuery } from './query.ts';
import { SCHEMAS, type SchemaName } from './schema.ts';

/** What SQL drivers have in common: a schema that we know or queries of the administrator's, or both. */
export const queryKeys = {
  schema: z
    .string()
    .optional()
    .describe(`one of ${Object.keys(SCHEMAS).join(', ')}`),
  ...forEachQuery(optional(text('a SELECT'))),
};

type QueryKeys = { readonly schema?: string | undefined } & { readonly [name in QueryName]: string | null };

/** A schema's queries, each of which one in the file replaces. */
export function queriesOf(raw: QueryKeys, dialect: Dialect, context: Context): Queries {
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

interface Asked {
  readonly queries: Queries;
}

/** What a database can answer: what it has a query for. An emptied table looks like one that never had anybody. */
export const sqlAnswers = {
  answers: ({ queries }: Asked, question: Question): boolean => queries[queryNameOf(question)] !== undefined,
  canary: () => 'wise' as const,
  lacksValue({ queries }: Asked, question: Question): boolean {
    const query = queries[queryNameOf(question)]?.parts.join(' ') ?? '*';
    return /^select\b/i.test(query) && !/\bvalue\b|\*/i.test(query);
  },
};
