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
  /** The word by which it may leave out a row because of another one, such as LIMIT. */
  readonly leavesOut?: string;
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
  if (/\brows\s+examined\b/i.test(trimmed)) return { flaw: 'has ROWS EXAMINED, which ends a search without an error' };
  const leavesOut = leavesOutBy(trimmed, tokens);
  const whole: Query = leavesOut === null ? query : { ...query, leavesOut };
  const select = firstIsEnough ? firstOf(trimmed) : null;
  const first = select === null ? null : parseText(name, select, notation);
  return first === null || 'flaw' in first ? whole : { ...whole, first };
}

/** Words that keep rows back, or make one of several that a database finds equal. */
const LEAVES_OUT =
  /\b(?:limit|fetch|offset|distinct(?:row)?|group|having|union(?!\s+all\b)|intersect|except|minus|over|min|max|any_value)\b/i;

/** The first word of a query by which it may leave out rows. Null: there is none outside of strings and names in quotes. */
function leavesOutBy(text: string, tokens: RegExp): string | null {
  const bare = Array.from(text.matchAll(tokens), ([token]) => (/^['"`]/.test(token) ? ' ' : token)).join('');
  return LEAVES_OUT.exec(bare)?.[0].toUpperCase() ?? null;
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
