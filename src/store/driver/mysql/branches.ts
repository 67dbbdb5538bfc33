/** The column with the number of the question that a row answers. No column of a query may have this name. */
export const NUMBER = 'smmap_n';

/** Strings and names in quotes, `union all`, words, and any other character. */
const TOKENS = /'(?:[^'\\]|''|\\[\s\S])*'|`[^`]*`|union\s+all\b|\w+|[\s\S]/gi;

/** Words about all rows of a query, about its columns by their number, or between `select` and the columns. */
const WHOLE =
  /^(?:union|intersect|except|minus|with|values|table|order|group|having|limit|offset|fetch|for|lock|into|procedure|window|distinct|distinctrow|all|high_priority|straight_join|sql_\w+)$/i;

/**
 * The text of a query whose rows begin with a number, in the column `smmap_n`. A plain SELECT, or several joined by
 * `union all`, get it as their first column. Any other query becomes a derived table, which costs MariaDB several times as
 * much: it writes the rows into a table of its own, and into a file if a column is a TEXT.
 */
export function numbered(text: string, number: number): string {
  const selects = plainSelectsOf(text);
  if (selects === null) return `(select ${number} as ${NUMBER}, u.* from (${text}) u)`;
  const begin = `select ${number} as ${NUMBER},`;
  return selects.map((select) => `(${select.trim().replace(/^select\b/i, begin)})`).join(' union all ');
}

/** The SELECTs that `union all` joins, if there is nothing else in the query. Null: there is. */
function plainSelectsOf(text: string): readonly string[] | null {
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
