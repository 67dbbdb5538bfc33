import { type Records, openRecords } from '../../store/driver/records.ts';
import { StoreError } from '../../store/store.ts';
import { CliError, EXIT } from '../error.ts';

/** Opens the store in a folder for a command, and closes it behind that. A failure of the store is a CliError. */
export async function withRecords<T>(
  dir: string,
  purpose: 'read' | 'write',
  work: (records: Records) => T | Promise<T>,
): Promise<T> {
  let records: Records | null = null;
  try {
    records = openRecords(dir, purpose);
    return await work(records);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    throw new CliError(EXIT.IO, error.message);
  } finally {
    await records?.close();
  }
}

/** Says on standard error what a command goes on behind. */
export function warn(text: string): void {
  process.stderr.write(`smmap: ${text}\n`);
}
