import type { Question } from '../../../vocabulary.ts';
import { type QueryName, valueOf } from '../../asked.ts';
import type { UrlFlaw } from '../../server.ts';
import { QuestionError, StoreError } from '../../store.ts';
import { type Notation, type Template, parseText, replace, withColon } from '../../template.ts';
import { parsePath, valuesAt } from './path.ts';

/** A URL whose path and query are a template. */
export interface UrlTemplate extends Template {
  readonly secure: boolean;
  /** The path of a Unix socket. null: `host` and `port`. */
  readonly socket: string | null;
  readonly host: string;
  readonly port: number;
}

/** How often a value is percent-encoded. Behind mailcow's web server PHP decodes the path once more. */
export type Encoding = 'once' | 'twice';

const ORIGIN = /^(https?):\/\/(?:\[([0-9a-f:.]+)\]|([\w.-]+))(?::(\d{1,5}))?(?=[/?]|$)/i;
const ANSWERED = /\{([^{}]*)\}/g;
const SOCKET = /^http\+unix:\/\/(%2f[^/?]*)/i;

/** Parameters such as `:address` in a URL, or in a text of a content. */
export const NOTATION: Notation = { tokens: /:([a-z_]\w*)|:|[^:]+/gi, write: withColon, read: (token) => token };

/**
 * Reads `http://HOST[:PORT]/PATH?QUERY`, `https://...`, or `http+unix://%2Fpath%2Fof.sock/PATH`. Path and query may
 * have parameters such as `:address`. A colon that begins no parameter is written `%3A`.
 */
export function parseTemplate(name: QueryName, text: string): UrlTemplate | UrlFlaw {
  if (/[^\x21-\x7e]/.test(text))
    return { flaw: 'has a character that must be percent-encoded', remedy: 'write it so, such as %20 for a blank' };
  if (text.includes('#'))
    return { flaw: 'has a #, but the text after it is never sent', remedy: 'remove it, or write %23' };
  const socket = SOCKET.exec(text);
  const origin = socket ?? ORIGIN.exec(text);
  if (origin === null) {
    return { flaw: 'is not of the form http://HOST/, https://HOST/ or http+unix://%2FPATH/, without a user name' };
  }
  const rest = text.slice(origin[0].length);
  const target = rest.startsWith('/') ? rest : `/${rest}`;
  const template = parseText(name, target, NOTATION);
  if ('flaw' in template) return template;
  if (socket !== null) {
    try {
      const path = decodeURIComponent(socket[1] as string);
      return { ...template, secure: false, socket: path, host: 'localhost', port: 80 };
    } catch {
      return { flaw: 'has an invalid percent-encoding', remedy: 'write a percent sign as %25' };
    }
  }
  const [, scheme, address, host, port] = origin;
  const secure = scheme?.toLowerCase() === 'https';
  return { ...template, secure, socket: null, host: address ?? host ?? '', port: Number(port ?? (secure ? 443 : 80)) };
}

/** The paths in the answer to the request before that a URL names, such as `user` for `{user}`. */
export function answeredIn({ parts }: Template): readonly string[] {
  return parts.flatMap((part) => [...part.matchAll(ANSWERED)].map(([, path]) => path as string));
}

/**
 * The path and query for a question. Each value is percent-encoded. `answered` is the content of the response before, if
 * the URL names fields of it. Throws QuestionError if a value would change the path: a segment that is empty, `.` or
 * `..`, or a slash, which many servers decode too early or answer with 404.
 */
export function targetOf(template: UrlTemplate, question: Question, encoding: Encoding, answered?: unknown): string {
  const { parts, parameters } = template;
  const put = (value: string): string => (encoding === 'twice' ? encode(encode(value)) : encode(value));
  const asked = replace(template, (parameter) => put(valueOf(question, parameter)));
  const target =
    answered === undefined ? asked : asked.replace(ANSWERED, (_, path: string) => put(segmentAt(answered, path)));
  const ahead = parameters.filter((_, at) => !parts.slice(0, at + 1).some((part) => part.includes('?')));
  if (ahead.some((parameter) => /[/\\]/.test(valueOf(question, parameter)))) {
    throw new QuestionError(
      'the name has a slash, which is not safe in a path: put the parameter behind a ? in the URL',
    );
  }
  if (ahead.length > 0 && (target.split('?')[0] as string).split('/').slice(1).some(isNoSegment)) {
    throw new QuestionError(
      'the name makes a part of the path empty, . or ..: put the parameter behind a ? in the URL',
    );
  }
  return target;
}

/** A field of a response, as a part of a path. */
function segmentAt(content: unknown, path: string): string {
  const [value, ...more] = valuesAt(content, parsePath(path));
  const text = typeof value === 'string' || typeof value === 'number' ? String(value) : '';
  if (more.length > 0 || isNoSegment(text) || /[/\\]/.test(text))
    throw new StoreError(`the content has no text at ${path} that can be a part of a path`);
  return text;
}

function isNoSegment(segment: string): boolean {
  return segment === '' || segment === '.' || segment === '..';
}

/**
 * Percent-encodes every character except the unreserved ones (RFC 3986 section 2.3), because servers differ about the
 * others.
 */
function encode(value: string): string {
  return encodeURIComponent(value).replace(/[!'()*]/g, (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`);
}
