/** Lays rows out in columns: the first `leftColumns` are text, the others figures, flush right. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[], leftColumns = 1): string {
  const lines = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)));
  const format = (line: readonly string[]): string =>
    line
      .map((cell, column) => {
        const width = widths[column] as number;
        return column < leftColumns ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd();
  return [format(head), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.map(format)].join('\n');
}

/** A whole number with its thousands set off. */
export function formatCount(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** Fixed digits, or a dash where there is no figure. */
export function formatFixed(value: number | null, digits: number): string {
  return value === null || Number.isNaN(value) ? '-' : value.toFixed(digits);
}
