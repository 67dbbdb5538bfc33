import type { Flaw } from '../../../address/address.ts';
import type { QueryName } from '../../asked.ts';
import { type Template, parseText, withColon, withoutParameter } from '../../template.ts';

/** The queries of a SQL store, by what they answer. */
export type Queries = Readonly<Partial<Record<QueryName, Query>>>;

/** The databases that need different texts of a query. */
export type Dialect = 'postgresql' | 'mysql' | 'sqlite';

/** A SELECT with its parameters taken out. */
export type Query = Template;

/** Reads a query. A colon in quotes, in a comment or in a cast (`::text`) does not begin a parameter. */
export function parseQuery(name: QueryName, text: string, dialect: Dialect): Query | Flaw {
  const trimmed = text.trim().replace(/;$/, '').trimEnd();
  if (!/^(?:select|with|values|table)\b/i.test(trimmed)) return { flaw: 'is not a SELECT' };
  const tokens = dialect === 'mysql' ? MYSQL_TOKENS : TOKENS;
  const query = parseText(name, trimmed, { tokens, write: withColon, read: readToken });
  return 'flaw' in query || query.parameters.length > 0 ? query : withoutParameter(name, withColon);
}

function readToken(token: string): string | Flaw {
  if (token === ';') return { flaw: 'is more than one statement' };
  return /^(?:--|#|\/\*)/.test(token) ? { flaw: 'has a comment; remove it' } : token;
}

const REST = String.raw`"(?:[^"]|"")*"|\x60[^\x60]*\x60|--.*|/\*[\s\S]*?\*/|::|:([a-z_]\w*)|[\s\S]`;
const TOKENS = new RegExp(String.raw`'(?:[^']|'')*'|${REST}`, 'gi');
const MYSQL_TOKENS = new RegExp(String.raw`'(?:[^'\\]|''|\\[\s\S])*'|#.*|${REST}`, 'gi');
