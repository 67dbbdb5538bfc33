import type { Question } from '../../../vocabulary.ts';
import { type QueryName, valueOf } from '../../asked.ts';
import type { UrlFlaw } from '../../server.ts';
import { QuestionError } from '../../store.ts';
import { type Template, parseText, replace, withColon } from '../../template.ts';
import type { Answering } from './response.ts';

/** A URL whose path and query are a template. */
export interface UrlTemplate extends Template {
  readonly secure: boolean;
  /** The path of a Unix socket. null: `host` and `port`. */
  readonly socket: string | null;
  readonly host: string;
  readonly port: number;
}

/** The request for one kind of question. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly url: UrlTemplate;
  readonly stringIs: Answering['stringIs'];
}

/** The requests of a store, by the questions that they answer. */
export type HttpRequests = Readonly<Partial<Record<QueryName, HttpRequest>>>;

const ORIGIN = /^(https?):\/\/(?:\[([0-9a-f:.]+)\]|([\w.-]+))(?::(\d{1,5}))?(?=[/?]|$)/i;
const TOKENS = /:([a-z_]\w*)|:|[^:]+/gi;
const SOCKET = /^http\+unix:\/\/(%2f[^/?]*)/i;

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
  const template = parseText(name, target, { tokens: TOKENS, write: withColon, read: (token) => token });
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

/**
 * The path and query for a question. Each value is percent-encoded. Throws QuestionError if a value would change the
 * path: a segment that is empty, `.` or `..`, or a slash, which many servers decode too early or answer with 404.
 */
export function targetOf(template: UrlTemplate, question: Question): string {
  const { parts, parameters } = template;
  const target = replace(template, (parameter) => encode(valueOf(question, parameter)));
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
