import { EMBEDDED_MAILBOXES, type Part } from './bench.ts';
import { judge } from './goal.ts';
import type { ImportedStore } from './store.ts';
import { formatCount, formatFixed, formatTable } from './table.ts';

/** How long `smmap mailbox import` takes, from its start as a process to its end. */
export const importPart: Part = async ({ stores, print }) => {
  const imports = [await stores.get(EMBEDDED_MAILBOXES, 'sorted'), await stores.get(EMBEDDED_MAILBOXES, 'shuffled')];
  print('\nImport\n');
  print(formatImports(imports));
  const slowestMs = Math.max(...imports.map(({ tookMs }) => tookMs));
  return [judge('import of 1 M mailboxes, seconds', slowestMs / 1_000, 'at most', 15)];
};

/** A table of imports. */
export function formatImports(imports: readonly ImportedStore[]): string {
  return formatTable(
    ['mailboxes', 'list', 'seconds', 'mailboxes/s', 'anonymous MB at most', 'file MB', 'bytes/mailbox'],
    imports.map(({ mailboxes, order, tookMs, peakAnonymousMb, fileMb }) => [
      formatCount(mailboxes),
      order,
      formatFixed(tookMs / 1_000, 2),
      formatCount((mailboxes / tookMs) * 1_000),
      formatFixed(peakAnonymousMb, 0),
      formatFixed(fileMb, 1),
      formatFixed((fileMb * 1e6) / mailboxes, 0),
    ]),
    2,
  );
}
