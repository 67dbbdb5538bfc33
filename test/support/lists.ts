import { writeFileSync } from 'node:fs';
import { formatTargets } from '../../src/address/target.ts';
import { formatOwner } from '../../src/record/owner.ts';
import { formatLine, type StoredRecord } from '../../src/record/record.ts';
import type { FileList } from '../../src/store/driver/file/load.ts';
import { kindOf } from '../../src/store/guard/canary.ts';

const FORMATS = { mailbox: 'list', alias: 'aliases', domain: 'list', key: 'makemap' } as const;

/** Writes records into a folder: for each kind a file. Returns the lists. */
export function writeLists(folder: string, records: readonly StoredRecord[]): FileList[] {
  const lines = new Map<string, string[]>();
  const lists: FileList[] = [];
  for (const record of records) {
    const kind = kindOf(record);
    const known = lines.get(kind);
    if (known !== undefined) {
      known.push(lineOf(record));
      continue;
    }
    lines.set(kind, [lineOf(record)]);
    const { about } = record;
    const table = record.about === 'key' ? record.table : '';
    const domain = about === 'alias' ? 'example.org' : null;
    lists.push({ about, table, path: `${folder}/${kind}`, format: FORMATS[about], domain });
  }
  for (const [kind, texts] of lines) writeFileSync(`${folder}/${kind}`, `${texts.join('\n')}\n`);
  return lists;
}

/** Of aliases a line of aliases(5), because virtual(5) has no programs. */
function lineOf(record: StoredRecord): string {
  if (record.about !== 'alias') return formatLine(record);
  return `${formatOwner(record.local, record.domain)}: ${formatTargets(record.targets)}`;
}
