import { isSecretName } from '../../../toml/secret.ts';
import { complain, type Context, optional, type Read, section, text, z, wholeNumber } from '../../../toml/type.ts';
import { forEachQuery, QUERIES, queryNameOf } from '../../asked.ts';
import type { Driver, StoreFile } from '../../driver.ts';
import type { Canary } from '../../guard/canary.ts';
import { serverKeys } from '../../guard/keys.ts';
import { secretFile, secretFiles, secretIn, secretPath, tls } from '../../server.ts';
import { complainOfHeaders } from './header-keys.ts';
import { hideIn } from './hide.ts';
import { PRESETS } from './presets.ts';
import { readRequests } from './read-requests.ts';
import { absent, headers, request } from './request-keys.ts';

/** The keys of an HTTP store: your own server, which answers in JSON, or an application with a preset. */

const keys = section({
  preset: optional(z.string().describe(`one of ${Object.keys(PRESETS).join(', ')}`)),
  url: optional(text('the URL of the application, such as "http://admin:8080"')),
  ...forEachQuery(optional(request)),
  absent: optional(absent),
  headers: headers.default({}),
  header_files: z.record(secretPath).default({}).describe('{ "X-API-Key" = "/etc/smmap/key" }'),
  token_file: secretFile,
  tls,
  ...serverKeys,
  batch: wholeNumber(1, 1_000, 1, 'questions'), // a batch would wait for its slowest request
}).transform((raw, context) => {
  complainOfHeaders(raw, context);
  if (raw.preset === 'userli') complainOfCanaries(raw.canary, context);
  return { ...raw, requests: readRequests(raw, context) };
});

/** The configuration of an HTTP store. */
export type HttpConfig = Read<typeof keys>;

/** The driver for servers that answer in JSON over HTTP. */
export const http: Driver<HttpConfig> = {
  package: null,
  keys,
  answers: ({ requests }, question) => requests[queryNameOf(question)] !== undefined,
  canary: () => 'needed', // an application that has lost its data still answers 404
  lacksValue: ({ requests }, question) =>
    requests[queryNameOf(question)]?.some(({ fields }) => fields !== null && fields.value === null) ?? false,
  secretsInClear({ requests, headers: own, headerFiles, tokenFile }) {
    const first = QUERIES.flatMap((name) => requests[name] ?? []);
    const asked = [...first, ...first.flatMap(({ next }) => next ?? [])];
    const names = [own, ...asked.map((each) => each.headers)].flatMap((each) => Object.keys(each));
    const isSecret = tokenFile !== null || Object.keys(headerFiles).length > 0 || names.some(isSecretName);
    const plain = asked.map(({ url }) => url).filter(({ secure, socket }) => !secure && socket === null);
    return { hosts: isSecret ? plain.map(({ host }) => host) : [], remedy: 'https://' };
  },
  hideSecrets: (table) => hideIn(table) as typeof table,
  files: ({ tokenFile, headerFiles }) => [
    ...secretFiles('token_file', tokenFile),
    ...Object.entries(headerFiles).flatMap(([name, path]): readonly StoreFile[] =>
      secretFiles(`header_files.${name}`, path),
    ),
  ],
  load: () => import('./driver.ts'),
  async open(config) {
    const { createHttp } = await import('./driver.ts');
    const token = secretIn(config.tokenFile);
    const files = Object.entries(config.headerFiles).map(([name, path]) => [name, secretIn(path)] as const);
    const secrets = {
      ...Object.fromEntries(files),
      ...(token !== null && { authorization: async () => `Bearer ${await token()}` }),
    };
    return { servers: [{ name: 'http', bulk: createHttp({ ...config, secrets }) }], guards: config };
  },
};

/** userli answers for these in each domain by its settings, whatever is in its tables. */
const SYNTHETIC: ReadonlySet<string> = new Set(['postmaster', 'abuse']);

function complainOfCanaries(canary: ReadonlyMap<string, readonly Canary[]>, context: Context): void {
  for (const [kind, canaries] of canary) {
    const wrong = canaries.some(({ present }) => 'local' in present && SYNTHETIC.has(present.local));
    if (!wrong) continue;
    const reason = 'is an address that userli has even if its tables are empty';
    complain(context, [{ key: `canary.${kind}`, reason, remedy: 'give the address of a user' }]);
  }
}
