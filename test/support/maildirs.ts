import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StoredRecord } from '../../src/record/record.ts';

/** Makes a folder for each mailbox, with its folders of Maildir++, and one for the canary@canary.example. */
export function makeMaildirs(root: string, records: readonly StoredRecord[]): void {
  mkdirSync(join(root, 'canary.example/canary'), { recursive: true });
  for (const record of records) {
    if (record.about !== 'mailbox') continue;
    const path = join(root, record.domain, record.local);
    mkdirSync(join(path, 'cur'), { recursive: true });
    for (const folder of record.folders) mkdirSync(join(path, `.${folder.replaceAll('/', '.')}`));
    if (record.state === 'overquota') writeFileSync(join(path, 'maildirsize'), '1000S\n600 1\n400 1\n');
  }
}
