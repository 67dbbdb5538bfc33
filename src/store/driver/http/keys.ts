import { validateHeaderName, validateHeaderValue } from 'node:http';
import { HIDDEN, isSecretName } from '../../../toml/secret.ts';
import { type Context, complain, type Mistake, optional, type Read, section, text, z } from '../../../toml/type.ts';
import { forEachQuery, QUERIES, type QueryName, queryNameOf } from '../../asked.ts';
import type { Driver } from '../../driver.ts';
import { serverKeys } from '../../guard/keys.ts';
import { secretFile, secretFiles, secretIn, tls } from '../../server.ts';
import { PRESETS } from './presets.ts';
import { ABSENT, type Absence } from './response.ts';
import { type HttpRequests, parseTemplate } from './template.ts';

/** The keys of an HTTP store: your own server, which answers in JSON, or an application with a preset. */

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
    text: z.string().optional().describe('the whole content'),
  })
  .optional()
  .describe('{ status = 404, type = "application/json" }');

const keys = section({
  preset: optional(z.string().describe(`one of ${Object.keys(PRESETS).join(', ')}`)),
  url: optional(text('the URL of the application, such as "http://admin:8080"')),
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
  return { ...raw, requests, absent: absence };
});

/** The configuration of an HTTP store. */
export type HttpConfig = Read<typeof keys>;

/** The driver for servers that answer in JSON over HTTP. */
export const http: Driver<HttpConfig> = {
  package: null,
  keys,
  answers: ({ requests }, question) => requests[queryNameOf(question)] !== undefined,
  canary: () => 'needed', // an application that has lost its data still answers 404
  secretsInClear({ requests, headers, tokenFile }) {
    const isSecret = tokenFile !== null || Object.keys(headers).some(isSecretName);
    const urls = Object.values(requests).map(({ url }) => url);
    const plain = urls.filter(({ secure, socket }) => !secure && socket === null);
    return { hosts: isSecret ? plain.map(({ host }) => host) : [], remedy: 'https://' };
  },
  hideSecrets(table) {
    const { headers, ...others } = table as Written;
    const urls = QUERIES.flatMap((name) =>
      others[name] === undefined ? [] : [[name, hideInUrl(others[name])] as const],
    );
    const hidden = headers && { headers: Object.fromEntries(Object.keys(headers).map((name) => [name, HIDDEN])) };
    return { ...table, ...hidden, ...Object.fromEntries(urls) };
  },
  files: ({ tokenFile }) => secretFiles('token_file', tokenFile),
  load: () => import('./driver.ts'),
  async open(config) {
    const { createHttp } = await import('./driver.ts');
    return {
      servers: [{ name: 'http', bulk: createHttp({ ...config, token: secretIn(config.tokenFile) }) }],
      guards: config,
    };
  },
};

/** The keys that may hold a secret, as they stand in a file without mistakes. */
type Written = { readonly headers?: object } & {
  readonly [name in QueryName]?: string | { readonly post: string };
};

/** A request without the values of parameters such as `?token=...`. */
function hideInUrl(written: string | { readonly post: string }): typeof written {
  if (typeof written !== 'string') return { post: hideInUrl(written.post) as string };
  return written.replace(/([?&])([^=&]*)=(?!:)[^&]+/g, (all, mark: string, name: string) =>
    isSecretName(name) ? `${mark}${name}=${HIDDEN}` : all,
  );
}

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
      const { remedy = 'give a URL, such as "http://127.0.0.1:8080/mailbox/:address"' } = template;
      const key = own === null ? 'url' : name;
      if (!mistakes.some((mistake) => mistake.key === key)) mistakes.push({ key, reason: template.flaw, remedy });
    } else if (method === 'GET' && template.parameters.length === 0) {
      const remedy = 'add a parameter, such as :address, or use { post = "..." }';
      mistakes.push({ key: name, reason: 'has no parameter, so every question would get the same answer', remedy });
    } else {
      requests.set(name, { method, url: template, stringIs: own === null ? (preset?.stringIs ?? null) : null });
    }
  }
  if (mistakes.length === 0 && requests.size === 0) {
    const remedy = `give preset, or at least one of ${QUERIES.join(', ')}`;
    mistakes.push({ key: '', reason: 'has neither a preset nor a request', remedy });
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
    const remedy = 'give preset, or a URL for each question, such as mailbox = "http://.../:address"';
    return [{ key: 'url', reason: 'is used only with a preset', remedy }];
  }
  if (presetOf(raw) === undefined) {
    const remedy = `give one of ${Object.keys(PRESETS).join(', ')}, or requests of your own`;
    return [{ key: 'preset', reason: `is "${raw.preset}", which is not known`, remedy }];
  }
  if (raw.url !== null) return [];
  return [{ key: 'url', reason: 'is missing', remedy: 'give the URL of the application, such as "http://admin:8080"' }];
}

/**
 * Reads the key `absent`. Only the application may send such a response: not a status alone, and not a page of a proxy.
 */
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
  const remedy = 'also give headers that only the application sends, or text, the whole content';
  if (type !== ABSENT.type && type !== null && !isOwn) {
    const reason = `is "${type}", which any proxy may send`;
    complain(context, [{ key: 'absent.type', reason, remedy }]);
  }
  if (hasFields && type !== ABSENT.type) {
    const reason = `is "${type}", which has no fields`;
    complain(context, [{ key: 'absent.type', reason, remedy: `give "${ABSENT.type}", or remove fields` }]);
  }
  if ((status === 200 || status === 204) && !isOwn && !hasFields) {
    const reason = `is ${status}, which is also the status for an entry that exists`;
    complain(context, [
      { key: 'absent.status', reason, remedy: 'also give fields, headers or text that only an absence has' },
    ]);
  }
  return { status, type, headers, fields, text: content };
}

/** Header fields that node:http sets itself. */
const OURS = /^(?:connection|content-length|expect|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade)$/i;

function complainOfHeaders(headers: Readonly<Record<string, string>>, hasToken: boolean, context: Context): void {
  for (const name of Object.keys(headers)) {
    const flaw = flawOfHeader(name, headers[name] as string, hasToken);
    if (flaw === null) continue;
    const [message, remedy] = flaw;
    context.addIssue({ code: 'custom', path: ['headers', name], message, params: { remedy } });
  }
}

/** Why a header field cannot be sent, and the remedy. null: it can be sent. */
function flawOfHeader(name: string, said: string, hasToken: boolean): readonly [string, string] | null {
  try {
    validateHeaderName(name);
  } catch {
    return ['is not a valid name of a header field', 'use letters, digits and hyphens'];
  }
  try {
    validateHeaderValue(name, said);
  } catch {
    return ['has a character that is not allowed in a header field', 'use characters of Latin-1, without line breaks'];
  }
  if (OURS.test(name)) return ['is set by smmap itself', 'remove it'];
  if (!hasToken || name.toLowerCase() !== 'authorization') return null;
  return ['is already set from token_file', 'remove this header or token_file'];
}
