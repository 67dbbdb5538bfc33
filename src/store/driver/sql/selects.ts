/** Strings and names in quotes, `union all`, words, and any other character. */
const TOKENS = /'(?:[^'\\]|''|\\[\s\S])*'|`[^`]*`|union\s+all\b|\w+|[\s\S]/gi;

/** Words about all rows of a query, about its columns by their number, or between `select` and the columns. */
const WHOLE =
  /^(?:union|intersect|except|minus|with|values|table|order|group|having|limit|offset|fetch|for|lock|into|procedure|window|distinct|distinctrow|all|high_priority|straight_join|sql_\w+)$/i;

/**
 * The SELECTs that `union all` joins, if there is nothing else in the query. Null: there is. A backslash in a string is
 * read as MySQL reads it.
 */
export function plainSelectsOf(text: string): readonly string[] | null {
  const selects: string[] = [''];
  let depth = 0;
  for (const [token] of text.matchAll(TOKENS)) {
    if (token === '(') depth++;
    if (token === ')') depth--;
    if (depth === 0 && /^union\s/i.test(token)) {
      selects.push('');
      continue;
    }
    if (token === '"' || (depth === 0 && WHOLE.test(token))) return null;
    selects.push(`${selects.pop()}${token}`);
  }
  return selects.every((select) => /^\s*select\s+(?!\*)/i.test(select)) ? selects : null;
}
