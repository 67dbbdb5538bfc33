import { createReadStream } from 'node:fs';
import { appendFile, open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Ledger, createLedger } from './ledger.ts';
import { parseLine } from './record.ts';

/** The name of the file in the state directory. */
export const SHADOW_NAME = 'shadow.jsonl';

/** As many records are kept; the oldest go. */
export const MOST_RECORDS = 100_000;

const MODE = 0o640; // it holds addresses
const CHUNK_BYTES = 16_384; // about 1 ms of work
const LINES_AT_ONCE = 500; // the same
const LONGEST_LINE = 100_000; // characters
const FORGOTTEN_MS = 3_600_000; // a draft of this age belongs to a process that was killed

/**
 * Adds lines at the end of a file, in one write, so that two daemons can do so at the same time. They begin with a line feed,
 * because whoever wrote before may have been killed in the middle of a line. Resolves to the size of the file.
 */
export async function appendLines(file: string, lines: Iterable<string>): Promise<number> {
  await appendFile(file, `\n${[...lines].join('\n')}\n`, { mode: MODE });
  return (await stat(file)).size;
}

/** Reads a file of records. What is not a line of it is left out. Rejects if it cannot be read. */
export async function readLedger(file: string, mostRecords: number = MOST_RECORDS): Promise<Ledger> {
  const ledger = createLedger(mostRecords);
  let rest = '';
  const read = (line: string): void => {
    const item = parseLine(line);
    if (item !== null) ledger.add(item);
  };
  for await (const chunk of createReadStream(file, {
    encoding: 'utf8',
    highWaterMark: CHUNK_BYTES,
  }) as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > LONGEST_LINE) rest = '';
    for (const line of lines) read(line);
  }
  read(rest);
  return ledger;
}

/**
 * Writes a file of records anew, with one line for each, and without those for which there is no room. Its path never leads to
 * half of it. What another process adds in the last moment is lost. Resolves to its size.
 */
export async function compact(file: string, pid: number, mostRecords: number = MOST_RECORDS): Promise<number> {
  await removeForgotten(file);
  const ledger = await readLedger(file, mostRecords);
  const draft = `${file}.${pid}.part`;
  try {
    const handle = await open(draft, 'w', MODE);
    try {
      let lines: string[] = [];
      for (const line of ledger.lines()) {
        if (lines.push(line) < LINES_AT_ONCE) continue;
        await handle.write(`${lines.join('\n')}\n`);
        lines = [];
      }
      await handle.write(`${lines.join('\n')}\n`);
      await handle.datasync();
    } finally {
      await handle.close();
    }
    await rename(draft, file);
  } catch (error) {
    await unlink(draft).catch(() => {});
    throw error;
  }
  return (await stat(file)).size;
}

/** Removes drafts of processes that were killed. */
async function removeForgotten(file: string): Promise<void> {
  const folder = dirname(file);
  const drafts = (await readdir(folder)).filter(
    (name) => name.startsWith(`${basename(file)}.`) && name.endsWith('.part'),
  );
  for (const name of drafts) {
    const draft = join(folder, name);
    const { mtimeMs } = await stat(draft);
    if (Date.now() - mtimeMs > FORGOTTEN_MS) await unlink(draft).catch(() => {});
  }
}
