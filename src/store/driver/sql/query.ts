import type { Flaw } from '../../../address/address.ts';
import type { QueryName } from '../../asked.ts';
import { type Template, parseText, withColon, withoutParameter } from '../../template.ts';
import { plainSelectsOf } from './selects.ts';

/** The queries of a SQL store, by what they answer. */
export type Queries = Readonly<Partial<Record<QueryName, Query>>>;

/** The databases that need different texts of a query. */
export type Dialect = 'postgresql' | 'mysql' | 'sqlite';

/** A SELECT with its parameters taken out. */
export interface Query extends Template {
  /**
   * The first of several SELECTs that `union all` joins. An active row of it is the answer of the whole query. An alias
   * seldom has it, since each row of an alias counts.
   */
  readonly first?: Template;
}

/**
 * Reads a query. A colon in quotes, in a comment or in a cast (`::text`) does not begin a parameter. `firstIsEnough`: if
 * its first SELECT finds an active row, the others find nothing that counts.
 */
export function parseQuery(
  name: QueryName,
  text: string,
  dialect: Dialect,
  firstIsEnough = name !== 'alias',
): Query | Flaw {
  const trimmed = text.trim().replace(/;$/, '').trimEnd();
  if (!/^(?:select|with|values|table)\b/i.test(trimmed)) return { flaw: 'is not a SELECT' };
  const tokens = dialect === 'mysql' ? MYSQL_TOKENS : TOKENS;
  const notation = { tokens, write: withColon, read: readToken };
  const query = parseText(name, trimmed, notation);
  if ('flaw' in query) return query;
  if (query.parameters.length === 0) return withoutParameter(name, withColon);
  const select = firstIsEnough ? firstOf(trimmed) : null;
  const first = select === null ? query : parseText(name, select, notation);
  return first === query || 'flaw' in first ? query : { ...query, first };
}

/** The first of several SELECTs. Null: there is one, or we cannot tell. Strings with these characters differ by dialect. */
function firstOf(text: string): string | null {
  const [first = null, second] = (/[\\$]/.test(text) ? null : plainSelectsOf(text)) ?? [];
  return second === undefined ? null : first;
}

function readToken(token: string): string | Flaw {
  if (token === ';') return { flaw: 'is more than one statement' };
  return /^(?:--|#|\/\*)/.test(token) ? { flaw: 'has a comment; remove it' } : token;
}

const REST = String.raw`"(?:[^"]|"")*"|\x60[^\x60]*\x60|--.*|/\*[\s\S]*?\*/|::|:([a-z_]\w*)|[\s\S]`;
const TOKENS = new RegExp(String.raw`'(?:[^']|'')*'|${REST}`, 'gi');
const MYSQL_TOKENS = new RegExp(String.raw`'(?:[^'\\]|''|\\[\s\S])*'|#.*|${REST}`, 'gi');
