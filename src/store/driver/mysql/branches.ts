import { plainSelectsOf } from '../sql/selects.ts';

/** The column with the number of the question that a row answers. No column of a query may have this name. */
export const NUMBER = 'smmap_n';

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
