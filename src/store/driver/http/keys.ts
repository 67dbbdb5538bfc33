import { validateHeaderName, validateHeaderValue } from 'node:http';
import { PRESETS } from './presets.ts';
import { ABSENT, type Absence } from './response.ts';
import { type HttpRequests, parseTemplate } from './template.ts';
import { type Context, complain, type Mistake, optional, type Read, section, text, z } from '../../../toml/type.ts';
import { forEachQuery, QUERIES, type QueryName, queryNameOf } from '../../asked.ts';
import type { Driver } from '../../driver.ts';
import { checkEvents, serverKeys } from '../../guard/keys.ts';
import { secretFile, secretIn, tls } from '../../server.ts';

/** A server of the administrator's that says in JSON what there is, or an application that we know. */

const URL_TEXT = text('a URL with parameters, such as "http://127.0.0.1:8080/mailbox/:address"');
const request = optional(z.union([URL_TEXT, z.strictObject({ post: URL_TEXT })])).describe(
  '"http://127.0.0.1:8080/mailbox/:address", or { post = "http://..." }',
);

const absent = z
  .strictObject({
    status: z.literal([200, 204, 404, 410]).default(404).describe('one of 200, 204, 404, 410'),
    type: text('a media type, such as "application/json"').optional(),
    headers: z.record(z.string(), z.string()).default({}).describe('{ "x-mailbox" = "absent" }'),
    fields: z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
      .default({})
      .describe('{ code = "AddressNotFound" }'),
    text: z.string().optional().describe('all of the content'),
  })
  .optional()
  .describe('{ status = 404, type = "application/json" }');

const keys = section({
  preset: optional(z.string().describe(`one of ${Object.keys(PRESETS).join(', ')}`)),
  url: optional(text('the URL of what the preset asks, such as "http://admin:8080"')),
  ...forEachQuery(request),
  absent,
  headers: z.record(z.string(), z.string()).default({}).describe('{ "x-client" = "smmap" }'),
  token_file: secretFile,
  tls,
  ...serverKeys,
}).transform((raw, context) => {
  complainOfHeaders(raw.headers, raw.tokenFile !== null, context);
  const requests = requestsOf(raw, context);
  const absence = absenceOf(raw, context);
  checkEvents(raw.cache, 'nothing', context);
  return { ...raw, requests, absent: absence };
});

export type HttpConfig = Read<typeof keys>;

/** A server that says in JSON what there is. */
export const http: Driver<HttpConfig> = {
  package: null,
  keys,
  answers: ({ requests }, question) => requests[queryNameOf(question)] !== undefined,
  canary: () => 'needed', // a program that has lost its data says 404 as before
  secretsInClear({ requests, headers, tokenFile }) {
    const isSecret = tokenFile !== null || Object.keys(headers).some((name) => SECRET.test(name));
    const urls = Object.values(requests).map(({ url }) => url);
    const plain = urls.filter(({ secure, socket }) => !secure && socket === null);
    return { hosts: isSecret ? plain.map(({ host }) => host) : [], remedy: 'https://' };
  },
  load: () => import('./driver.ts'),
  async open(config) {
    const { createHttp } = await import('./driver.ts');
    return {
      servers: [{ name: 'http', bulk: createHttp({ ...config, token: secretIn(config.tokenFile) }) }],
      guards: config,
    };
  },
};

const SECRET = /authorization|cookie|token|key|secret|password/i; // names of header fields that have one

type Raw = { readonly preset: string | null; readonly url: string | null } & {
  readonly [name in QueryName]: string | { readonly post: string } | null;
};

function requestsOf(raw: Raw, context: Context): HttpRequests {
  const mistakes: Mistake[] = [...presetMistakes(raw)];
  const requests = new Map<QueryName, HttpRequests[QueryName]>();
  for (const name of QUERIES) {
    const own = raw[name];
    const preset = presetOf(raw)?.requests[name];
    const written = own ?? (preset === undefined ? undefined : `${(raw.url ?? '').replace(/\/$/, '')}${preset.path}`);
    if (written === undefined) continue;
    const [method, url] = typeof written === 'string' ? (['GET', written] as const) : (['POST', written.post] as const);
    const template = parseTemplate(name, url);
    if ('flaw' in template) {
      const remedy = 'give a URL, such as "http://127.0.0.1:8080/mailbox/:address"';
      const key = own === null ? 'url' : name;
      if (!mistakes.some((mistake) => mistake.key === key)) mistakes.push({ key, reason: template.flaw, remedy });
    } else if (method === 'GET' && template.parameters.length === 0) {
      const remedy = 'put a parameter into it, such as :address, or use { post = "..." }';
      mistakes.push({ key: name, reason: 'would say the same of all', remedy });
    } else {
      requests.set(name, { method, url: template, stringIs: own === null ? (preset?.stringIs ?? null) : null });
    }
  }
  if (mistakes.length === 0 && requests.size === 0) {
    const remedy = `give it a preset, or one of ${QUERIES.join(', ')}`;
    mistakes.push({ key: '', reason: 'has nothing to ask for', remedy });
  }
  complain(context, mistakes);
  return Object.fromEntries(requests);
}

function presetOf({ preset }: Raw) {
  return preset !== null && Object.hasOwn(PRESETS, preset) ? PRESETS[preset] : undefined;
}

function presetMistakes(raw: Raw): readonly Mistake[] {
  if (raw.preset === null) {
    if (raw.url === null) return [];
    const remedy = 'write a URL for each question, such as mailbox = "http://.../:address"';
    return [{ key: 'url', reason: 'goes with a preset only', remedy }];
  }
  if (presetOf(raw) === undefined) {
    const remedy = `give one of ${Object.keys(PRESETS).join(', ')}, or requests of your own`;
    return [{ key: 'preset', reason: `is "${raw.preset}"`, remedy }];
  }
  if (raw.url !== null) return [];
  return [
    { key: 'url', reason: 'is missing', remedy: 'give the URL of what the preset asks, such as "http://admin:8080"' },
  ];
}

/** An absence has to be one that nobody but the application sends: not a status alone, and not a page of any proxy. */
function absenceOf(
  { absent: written, ...raw }: Raw & { readonly absent?: z.infer<typeof absent> },
  context: Context,
): Absence {
  if (written === undefined) return presetOf(raw)?.absent ?? ABSENT;
  const { status, fields, text: content = null } = written;
  const headers = Object.fromEntries(Object.entries(written.headers).map(([name, said]) => [name.toLowerCase(), said]));
  const hasHeaders = Object.keys(headers).length > 0;
  const hasFields = Object.keys(fields).length > 0;
  const isOwn = hasHeaders || content !== null;
  const type = written.type?.toLowerCase() ?? (isOwn && !hasFields ? null : ABSENT.type);
  const remedy = 'give headers that only the application sends, or text, all of the content';
  if (type !== ABSENT.type && type !== null && !isOwn) {
    const reason = `is "${type}", which any proxy may send`;
    complain(context, [{ key: 'absent.type', reason, remedy }]);
  }
  if (hasFields && type !== ABSENT.type) {
    const reason = `is "${type}", which has no fields`;
    complain(context, [{ key: 'absent.type', reason, remedy: `give "${ABSENT.type}", or remove fields` }]);
  }
  if ((status === 200 || status === 204) && !isOwn && !hasFields) {
    const reason = `is ${status}, which whoever exists is answered too`;
    complain(context, [
      { key: 'absent.status', reason, remedy: 'give fields, headers or text that only an absence has' },
    ]);
  }
  return { status, type, headers, fields, text: content };
}

/** Those of the connection itself, which node:http writes. */
const OURS = /^(?:connection|content-length|expect|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade)$/i;

function complainOfHeaders(headers: Readonly<Record<string, string>>, hasToken: boolean, context: Context): void {
  for (const name of Object.keys(headers)) {
    const flaw = flawOfHeader(name, headers[name] as string, hasToken);
    if (flaw === null) continue;
    const [message, remedy] = flaw;
    context.addIssue({ code: 'custom', path: ['headers', name], message, params: { remedy } });
  }
}

/** Why a field cannot be sent, and the remedy; null where it can. */
function flawOfHeader(name: string, said: string, hasToken: boolean): readonly [string, string] | null {
  try {
    validateHeaderName(name);
  } catch {
    return ['is no name of a header field', 'give letters, digits and hyphens'];
  }
  try {
    validateHeaderValue(name, said);
  } catch {
    return ['has a character that no header field may have', 'give characters of Latin-1 without line feeds'];
  }
  if (OURS.test(name)) return ['belongs to the connection, and is written by smmap', 'remove it'];
  if (!hasToken || name.toLowerCase() !== 'authorization') return null;
  return ['is sent with the token of token_file already', 'remove it, or token_file'];
}
