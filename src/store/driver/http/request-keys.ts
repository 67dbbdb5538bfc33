import { parsedBy, text, z } from '../../../toml/type.ts';
import { STATES } from '../../../vocabulary.ts';
import { type JsonPath, parsePath } from './path.ts';

/** The keys of a request, as an administrator or a preset writes them. */

const URL_TEXT = text('a URL with parameters, such as "http://127.0.0.1:8080/mailbox/:address"');
const PATH = 'a path in JSON, such as "data.email"';
const path = parsedBy(PATH, parsePath);
const paths = z
  .union([path.transform((each) => [each]), z.array(path).min(1)])
  .describe('a path in JSON, or several in a list');
const name = parsedBy(`${PATH}, or proxyAddresses=smtp:`, (raw) => {
  const [, where = raw, prefix = null] = /^([^=]*)=(.*)$/.exec(raw) ?? [];
  return { path: parsePath(where), prefix };
});
const state = z.literal(STATES).describe(`one of ${STATES.join(', ')}`);

/** Header fields with their values. */
export const headers = z.record(z.string()).describe('{ "x-client" = "smmap" }');

const match = {
  type: text('a media type, such as "application/json"').optional(),
  headers: headers.optional(),
  fields: z
    .record(z.union([z.string(), z.number(), z.boolean()]))
    .transform((raw, context) =>
      Object.entries(raw).flatMap(([written, value]): readonly (readonly [JsonPath, typeof value])[] => {
        try {
          return [[parsePath(written), value]];
        } catch (error) {
          context.add([], (error as Error).message);
          return [];
        }
      }),
    )
    .optional()
    .describe('{ code = "AddressNotFound" }'),
  has: paths.optional(),
  lacks: paths.optional(),
  json: z.json().optional().describe('the whole content, such as false, [] or {}'),
  text: z.string().optional().describe('the whole content as a text'),
};

const foundMatch = z.strictObject(match);
const absentMatch = z.strictObject({
  status: z.literal([200, 204, 403, 404, 410]).default(404).describe('one of 200, 204, 404, 410'),
  ...match,
});
const oneOrMore = <Out, In>(one: z.Schema<Out, In>, example: string) =>
  z.union([one, z.array(one).min(1)]).describe(`${example}, or several in a list`);

/** How the application says that something is absent. */
export const absent = oneOrMore(absentMatch, '{ status = 404, type = "application/json" }');

const reading = {
  found: oneOrMore(foundMatch, '{ fields = { success = true } }').optional(),
  value: z
    .union([path, z.strictObject({ field: path, values: z.record(z.string()) })])
    .optional()
    .describe(`${PATH}, or { field = "relay", values = { 0 = "mailbox", 1 = "relay" } }`),
  state: z
    .strictObject({ field: path, values: z.record(state).optional() })
    .optional()
    .describe('{ field = "active", values = { 1 = "active", 0 = "disabled" } }'),
  quota: z.strictObject({ used: path, limit: path }).optional().describe('{ used = "quota_used", limit = "quota" }'),
  identity: z
    .record(z.union([name.transform((each) => [each]), z.array(name).min(1)]), [
      'address',
      'local',
      'domain',
      'folder',
      'key',
    ])
    .optional()
    .describe('{ address = "email" }, or { address = ["mail", "proxyAddresses=smtp:"] }'),
  headers: headers.optional(),
  encode: z.literal(['once', 'twice']).default('once').describe('"once" or "twice"'),
};

const next = z.strictObject({ get: URL_TEXT, when: path.optional(), ...reading });

const table = z.strictObject({
  get: URL_TEXT.optional(),
  post: URL_TEXT.optional(),
  body: z.json().optional().describe('the content of a POST, such as { user = ":address" }'),
  absent: absent.optional(),
  ...reading,
  next: next.optional().describe('{ get = "http://127.0.0.1:8080/users/{id}", state = { ... } }'),
});

/** A request: a URL, or a table, or several tables in a list. */
export const request = z
  .union([URL_TEXT, table, z.array(table).min(1)])
  .describe('"http://127.0.0.1:8080/mailbox/:address", or a table such as { post = "http://..." }');

/** A request as it is written, and as it is read. */
export type WrittenRequest = z.input<typeof request>;
export type WrittenTable = z.input<typeof table>;
export type RequestTable = z.output<typeof table>;
export type NextTable = z.output<typeof next>;
export type AbsentTable = z.output<typeof absentMatch>;
export type FoundTable = z.output<typeof foundMatch>;
