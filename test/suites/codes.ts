// The tables of docs/mta.md with what was seen in the systems of the suites.

import { expect } from 'vitest';
import { openMarked } from '../support/marked.ts';

/** A table of the page: its name there, its columns, and how many of the first cells say which row it is. */
export interface Table {
  readonly name: string;
  readonly columns: readonly string[];
  readonly keys: number;
}

/**
 * Puts a row into a table with SMMAP_WRITE_DOCS=1, in the place of the one about the same server in any version; else the page
 * has to have it.
 */
export async function checkRow({ name, columns, keys }: Table, cells: readonly string[]): Promise<void> {
  const line = lineOf(cells);
  process.stderr.write(`${line}\n`);
  const page = await openMarked('docs/mta.md', name);
  if (process.env['SMMAP_WRITE_DOCS'] !== '1') {
    expect(page.text.split('\n'), 'SMMAP_WRITE_DOCS=1 writes it').toContain(line);
    return;
  }
  const keyOf = (each: string): string =>
    each
      .replace(/^\| (\w+)[^|]*/, '| $1 ')
      .split('|', keys + 1)
      .join('|');
  const others = page.text
    .split('\n')
    .slice(2)
    .filter((each) => keyOf(each) !== keyOf(line));
  const rows = [...others, line].toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  await page.replace([lineOf(columns), `|${'---|'.repeat(columns.length)}`, ...rows].join('\n'));
}

/** What was said about several recipients, or once if it was the same. */
export function shortly(codes: readonly string[] = []): string {
  return [...new Set(codes)].join(', ');
}

const lineOf = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
