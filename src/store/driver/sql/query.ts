import { PARAMETERS, type Parameter, type QueryName } from '../../asked.ts';

/** The queries of a SQL store, by what they answer. */
export type Queries = Readonly<Partial<Record<QueryName, Query>>>;

/** How databases differ in what we write to them. */
export type Dialect = 'postgresql' | 'mysql' | 'sqlite';

/** A query with its parameters taken out: `parts` has one more than there are parameters, and stands around them. */
export interface Query {
  readonly parts: readonly string[];
  readonly parameters: readonly Parameter[];
}

/** Reads what an administrator wrote. A colon in quotes, in a comment or in a cast (`::text`) is none of ours. */
export function parseQuery(name: QueryName, text: string, dialect: Dialect): Query | { readonly flaw: string } {
  const trimmed = text.trim().replace(/;$/, '').trimEnd();
  if (!/^(?:select|with|values|table)\b/i.test(trimmed)) return { flaw: 'is no SELECT' };
  const known: readonly string[] = PARAMETERS[name];
  const parts: string[] = [];
  const parameters: Parameter[] = [];
  let part = '';
  for (const [token, word] of trimmed.matchAll(dialect === 'mysql' ? MYSQL_TOKENS : TOKENS)) {
    if (token === ';') return { flaw: 'is more than one statement' };
    if (/^(?:--|#|\/\*)/.test(token)) return { flaw: 'has a comment; leave it out' };
    if (word === undefined) {
      part += token;
    } else if (known.includes(word)) {
      parts.push(part);
      parameters.push(word as Parameter);
      part = '';
    } else {
      return { flaw: `asks for :${word}, and has only ${known.map((each) => `:${each}`).join(', ')}` };
    }
  }
  if (parameters.length === 0) return { flaw: `has no parameter, such as :${known[0]}: it would say the same of all` };
  return { parts: [...parts, part], parameters };
}

const REST = String.raw`"(?:[^"]|"")*"|\x60[^\x60]*\x60|--.*|/\*[\s\S]*?\*/|::|:([a-z_]\w*)|[\s\S]`;
const TOKENS = new RegExp(String.raw`'(?:[^']|'')*'|${REST}`, 'gi');
const MYSQL_TOKENS = new RegExp(String.raw`'(?:[^'\\]|''|\\[\s\S])*'|#.*|${REST}`, 'gi');
