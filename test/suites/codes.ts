// What the mail servers of the suites say, and the tables of docs/mta.md with what was seen there.

import { expect } from 'vitest';
import { openMarked } from '../support/marked.ts';
import { repliesOf } from '../support/swaks.ts';
import type { System } from './systems.ts';

/** What one SMTP session is told about each of these: a code, and the enhanced one if it is no 2xx and has such a one. */
export async function codesOf(system: System, recipients: readonly string[]): Promise<string[]> {
  const swaks = `swaks --server localhost --quit-after RCPT --from '<>' --to ${recipients.join()}`;
  const { stdout } = await system.type(swaks);
  const replies = repliesOf(stdout);
  if (replies.length !== recipients.length) throw new Error(stdout);
  return replies.map((reply) => (reply.startsWith('2') ? reply.slice(0, 3) : codeOf(reply)));
}

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

function codeOf(reply: string): string {
  return /^\d{3}(?: [245]\.\d{1,3}\.\d{1,3})?/.exec(reply)?.[0] ?? reply;
}
