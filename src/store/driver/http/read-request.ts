import type { Mistake } from '../../../toml/type.ts';
import type { QueryName } from '../../asked.ts';
import { type BodyTemplate, hasParameter, parseBody } from './body.ts';
import { mistakesInHeaders } from './header-keys.ts';
import type { Match } from './match.ts';
import { parsePath } from './path.ts';
import { readAbsent, readFound } from './read-match.ts';
import type { NextTable, RequestTable } from './request-keys.ts';
import type { HttpRequest, NextRequest } from './request.ts';
import type { Fields, Name } from './rows.ts';
import { answeredIn, parseTemplate, type UrlTemplate } from './template.ts';

/** What the requests of a store share. */
export interface Surroundings {
  /** The absences of a request without the key `absent`. */
  readonly absent: readonly Match[];
  /** Makes the URL that is asked of the URL that is written. */
  readonly urlOf: (written: string) => string;
}

/** Reads a request, and adds its mistakes. Undefined if it has mistakes. `key` is where it stands. */
export function readRequest(
  name: QueryName,
  written: RequestTable,
  key: string,
  { absent, urlOf }: Surroundings,
  mistakes: Mistake[],
): HttpRequest | undefined {
  const before = mistakes.length;
  const { get, post, body: content } = written;
  const method = post === undefined ? 'GET' : 'POST';
  const own = get ?? post;
  if (own === undefined || (get !== undefined && post !== undefined)) {
    mistakes.push({ key, reason: 'must have either get or post', remedy: 'give a URL as get, or as post' });
    return undefined;
  }
  const body = content === undefined ? null : readBody(name, content, `${key}.body`, mistakes);
  if (content !== undefined && post === undefined) {
    mistakes.push({
      key: `${key}.body`,
      reason: 'is sent only by post',
      remedy: 'give the URL as post, or remove body',
    });
  }
  const url = readUrl(name, urlOf(own), `${key}.${post === undefined ? 'get' : 'post'}`, mistakes);
  if (url === undefined || body === undefined) return undefined;
  if (url.parameters.length === 0 && (method === 'GET' || (body !== null && !hasParameter(body)))) {
    const remedy = 'add a parameter, such as :address, or use { post = "..." }';
    mistakes.push({ key, reason: 'has no parameter, so every question would get the same answer', remedy });
  }
  const absences =
    written.absent === undefined
      ? absent
      : [written.absent].flat().map((each) => readAbsent(each, `${key}.absent`, mistakes));
  mistakes.push(...mistakesInHeaders(`${key}.headers`, written.headers ?? {}));
  const next = written.next === undefined ? null : readNext(name, written.next, `${key}.next`, urlOf, mistakes);
  if (next === undefined || mistakes.length > before) return undefined;
  return { method, url, body, ...readSigns(written, absences), next };
}

function readNext(
  name: QueryName,
  written: NextTable,
  key: string,
  urlOf: Surroundings['urlOf'],
  mistakes: Mistake[],
): NextRequest | undefined {
  const before = mistakes.length;
  const url = readUrl(name, urlOf(written.get), `${key}.get`, mistakes);
  if (url === undefined) return undefined;
  const paths = answeredIn(url);
  if (paths.length === 0) {
    const remedy = 'name a field of the response before, such as {id}';
    mistakes.push({ key, reason: 'has no field of the response before in its URL', remedy });
  }
  try {
    paths.forEach(parsePath);
  } catch (error) {
    mistakes.push({ key, reason: (error as Error).message, remedy: 'give a path in JSON, such as {data.id}' });
  }
  mistakes.push(...mistakesInHeaders(`${key}.headers`, written.headers ?? {}));
  const rest = readSigns(written, []);
  if (rest.fields === null) {
    const remedy = 'give what it is asked for: state, quota, value or identity';
    mistakes.push({ key, reason: 'reads nothing', remedy });
  }
  if (mistakes.length > before) return undefined;
  return { method: 'GET', url, body: null, ...rest, next: null, when: written.when ?? null };
}

/** Reads how the response is read. */
function readSigns(
  written: RequestTable | NextTable,
  absent: readonly Match[],
): Pick<HttpRequest, 'signs' | 'fields' | 'headers' | 'encoding'> {
  const { found, value, state, quota = null, identity, headers = {}, encode: encoding } = written;
  const readsOwn = [found, value, state, identity, written.quota].every((each) => each === undefined);
  const fields: Fields = {
    value:
      value === undefined
        ? null
        : 'field' in value
          ? { path: value.field, values: value.values }
          : { path: value, values: null },
    state: state === undefined ? null : { path: state.field, values: state.values ?? null },
    quota,
    identity: Object.entries(identity ?? {}).flatMap(([column, names]) =>
      names.map((each): Name => ({ column: column as Name['column'], ...each })),
    ),
  };
  const signs = { found: found === undefined ? null : [found].flat().map(readFound), absent };
  return { signs, fields: readsOwn ? null : fields, headers, encoding };
}

function readUrl(name: QueryName, text: string, key: string, mistakes: Mistake[]): UrlTemplate | undefined {
  const template = parseTemplate(name, text);
  if (!('flaw' in template)) return template;
  const { flaw, remedy = 'give a URL, such as "http://127.0.0.1:8080/mailbox/:address"' } = template;
  mistakes.push({ key, reason: flaw, remedy });
  return undefined;
}

function readBody(name: QueryName, raw: unknown, key: string, mistakes: Mistake[]): BodyTemplate | undefined {
  const body = parseBody(name, raw);
  if (!('flaw' in body)) return body;
  mistakes.push({ key, reason: body.flaw, remedy: 'correct the name, or remove the colon' });
  return undefined;
}
