import { printable as visible } from '../observe/printable.ts';

const CELL_CHARS = 200; // an alias may have a thousand targets

/** Lays out lines in columns. The columns `right` are numbers and align right. The first line is the head. */
export function formatColumns(lines: readonly (readonly string[])[], right: ReadonlySet<number>): string {
  const cells = lines.map((line) => line.map((cell) => printable(cell, CELL_CHARS)));
  const widths = (cells[0] ?? []).map((_, at) => Math.max(...cells.map((line) => (line[at] ?? '').length)));
  const format = (cell: string, at: number): string => {
    const width = widths[at] ?? 0;
    return right.has(at) ? cell.padStart(width) : cell.padEnd(width);
  };
  return cells.map((line) => `${line.map(format).join('  ').trimEnd()}\n`).join('');
}

/** A duration for people, in at most two units: `0.3s`, `12s`, `4m48s`, `23h50m`, `3d04h`. */
export function formatDuration(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 10) return `${(Math.floor(ms / 100) / 10).toFixed(1)}s`;
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m${twoDigits(seconds % 60)}s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours}h${twoDigits(minutes % 60)}m`;
  return `${Math.floor(hours / 24)}d${twoDigits(hours % 24)}h`;
}

function twoDigits(number: number): string {
  return String(number).padStart(2, '0');
}

/** A text from clients or servers that cannot control the terminal, break the line or turn it around. */
export function printable(text: string, mostChars: number): string {
  return visible(text.length > mostChars ? `${text.slice(0, mostChars)}...` : text);
}
