import { type Template, parseTemplate } from '../../store/http/template.ts';
import { QUERIES, type QueryName } from '../../store/sql/query.ts';
import type { HttpConfig, Mistake, StoreConfig } from '../config.ts';
import { type Context, complain, parsedBy, text, z } from '../type.ts';
import * as value from '../value.ts';
import { guardsOf, serverKeys, tls } from './guards.ts';

/** A server of the administrator's that says in JSON what there is. */

const URL_TEXT = text('a URL with parameters, such as "http://127.0.0.1:8080/mailbox/:address"');
const request = z
  .union([URL_TEXT, z.strictObject({ post: URL_TEXT })])
  .optional()
  .describe('"http://127.0.0.1:8080/mailbox/:address", or { post = "http://..." }');

type Written = string | { readonly post: string };

export const http = z
  .strictObject({
    driver: z.string(),
    ...(Object.fromEntries(QUERIES.map((name) => [name, request])) as Record<QueryName, typeof request>),
    headers: z.record(z.string(), z.string()).default({}).describe('{ "x-client" = "smmap" }'),
    token_file: parsedBy('the absolute path of a file', value.absolutePath).optional(),
    tls,
    ...serverKeys,
  })
  .transform((raw, context): StoreConfig => ({
    driver: 'http',
    requests: requestsOf(raw, context),
    headers: raw.headers,
    tokenFile: raw.token_file ?? null,
    tls: raw.tls ?? null,
    guards: guardsOf(raw, 'nothing', context),
  }));

function requestsOf(
  raw: { readonly [name in QueryName]?: Written | undefined },
  context: Context,
): HttpConfig['requests'] {
  const mistakes: Mistake[] = [];
  const requests = new Map<QueryName, { readonly method: 'GET' | 'POST'; readonly url: Template }>();
  for (const name of QUERIES) {
    const written = raw[name];
    if (written === undefined) continue;
    const [method, url] = typeof written === 'string' ? (['GET', written] as const) : (['POST', written.post] as const);
    const template = parseTemplate(name, url);
    if ('flaw' in template) {
      const remedy = 'give a URL, such as "http://127.0.0.1:8080/mailbox/:address"';
      mistakes.push({ key: name, reason: template.flaw, remedy });
    } else if (method === 'GET' && template.parameters.length === 0) {
      const remedy = 'put a parameter into it, such as :address, or use { post = "..." }';
      mistakes.push({ key: name, reason: 'would say the same of all', remedy });
    } else {
      requests.set(name, { method, url: template });
    }
  }
  if (mistakes.length === 0 && requests.size === 0) {
    mistakes.push({ key: '', reason: 'has nothing to ask for', remedy: `give it one of ${QUERIES.join(', ')}` });
  }
  complain(context, mistakes);
  return Object.fromEntries(requests);
}
