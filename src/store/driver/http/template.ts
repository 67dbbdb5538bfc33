import type { Flaw } from '../../../address/address.ts';
import type { Question } from '../../../vocabulary.ts';
import { type QueryName, valueOf } from '../../asked.ts';
import { QuestionError } from '../../store.ts';
import { type Template, parseText, replace, withColon } from '../../template.ts';
import type { Answering } from './response.ts';

/** A URL: the template is its path and query. */
export interface UrlTemplate extends Template {
  readonly secure: boolean;
  /** The path of a Unix socket; null: `host` and `port`. */
  readonly socket: string | null;
  readonly host: string;
  readonly port: number;
}

/** How a question is asked. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly url: UrlTemplate;
  readonly stringIs: Answering['stringIs'];
}

export type HttpRequests = Readonly<Partial<Record<QueryName, HttpRequest>>>;

const ORIGIN = /^(https?):\/\/(?:\[([0-9a-f:.]+)\]|([\w.-]+))(?::(\d{1,5}))?(?=[/?]|$)/i;
const TOKENS = /:([a-z_]\w*)|:|[^:]+/gi;
const SOCKET = /^http\+unix:\/\/(%2f[^/?]*)/i;

/**
 * Reads `http://HOST[:PORT]/PATH?QUERY`, `https://...`, or `http+unix://%2Fpath%2Fof.sock/PATH`, with parameters such as `:address` in
 * path and query. A colon before a word that is no parameter is written `%3A`.
 */
export function parseTemplate(name: QueryName, text: string): UrlTemplate | Flaw {
  if (/[^\x21-\x7e]/.test(text)) return { flaw: 'has a character that a URL writes as %XX' };
  if (text.includes('#')) return { flaw: 'has a #, which is never sent' };
  const socket = SOCKET.exec(text);
  const origin = socket ?? ORIGIN.exec(text);
  if (origin === null) return { flaw: 'is no http://HOST/, https://HOST/ or http+unix://%2FPATH/ without a user name' };
  const rest = text.slice(origin[0].length);
  const target = rest.startsWith('/') ? rest : `/${rest}`;
  const template = parseText(name, target, { tokens: TOKENS, write: withColon, read: (token) => token });
  if ('flaw' in template) return template;
  if (socket !== null) {
    try {
      const path = decodeURIComponent(socket[1] as string);
      return { ...template, secure: false, socket: path, host: 'localhost', port: 80 };
    } catch {
      return { flaw: 'has a % that is none of a URL' };
    }
  }
  const [, scheme, address, host, port] = origin;
  const secure = scheme?.toLowerCase() === 'https';
  return { ...template, secure, socket: null, host: address ?? host ?? '', port: Number(port ?? (secure ? 443 : 80)) };
}

/**
 * Path and query for a question, each value percent-encoded. Throws QuestionError where a value would change the path: one that is
 * empty, `.` or `..` as a whole segment, or that has a slash, which many servers decode too early or answer with 404.
 */
export function targetOf(template: UrlTemplate, question: Question): string {
  const { parts, parameters } = template;
  const target = replace(template, (parameter) => encode(valueOf(question, parameter)));
  const ahead = parameters.filter((_, at) => !parts.slice(0, at + 1).some((part) => part.includes('?')));
  if (ahead.some((parameter) => /[/\\]/.test(valueOf(question, parameter)))) {
    throw new QuestionError('it has a slash, which cannot stand in a path for certain; a query can have it');
  }
  if (ahead.length > 0 && (target.split('?')[0] as string).split('/').slice(1).some(isNoSegment)) {
    throw new QuestionError('it would leave a segment of the path empty, or a dot; a query can have it');
  }
  return target;
}

function isNoSegment(segment: string): boolean {
  return segment === '' || segment === '.' || segment === '..';
}

/** Leaves only what is the same in every part of a URL, and for every server (RFC 3986 section 2.3). */
function encode(value: string): string {
  return encodeURIComponent(value).replace(/[!'()*]/g, (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`);
}
