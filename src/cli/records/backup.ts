import { createHash } from 'node:crypto';
import type { Entry } from '../../store/driver/embedded/derived.ts';
import { FORMAT, OLDER_FORMATS } from '../../store/driver/embedded/format.ts';
import { flawOfEntry, type Whole } from '../../store/driver/embedded/whole.ts';
import { CliError, EXIT } from '../error.ts';
import { CHUNK_BYTES, readBlocking } from './lines.ts';

/**
 * A backup is lines of JSON: what it is, then each record and mark as `["key","text"]` as they stand in the store, then
 * how many there were and the SHA-256 of all that is above, without which it was cut off.
 */
interface Head {
  readonly smmap: 'backup';
  readonly version: number;
  /** Of the store that it is of. */
  readonly format: string;
  readonly made: string;
}

interface Foot {
  readonly entries: number;
  readonly sha256: string;
}

const VERSION = 1;
const LINE_FEED = 0x0a;

/** The lines of a backup of a store; `passed` hears how many entries are done. */
export function* backupLines(store: Whole, made: Date, passed: (entries: number) => void): Generator<string> {
  const hash = createHash('sha256');
  const line = (content: Head | readonly [string, string]): string => {
    const text = JSON.stringify(content);
    hash.update(`${text}\n`);
    return text;
  };
  yield line({ smmap: 'backup', version: VERSION, format: store.format, made: made.toISOString() });
  let entries = 0;
  for (const { key, text } of store.entries()) {
    yield line([key, text]);
    passed(++entries);
  }
  const foot: Foot = { entries, sha256: hash.digest('hex') };
  yield JSON.stringify(foot);
}

/**
 * The entries of a backup, from an open file that is called `name`; `passed` hears how many bytes were read. Throws CliError
 * where it is none, at its end where it was cut off or changed, and for an entry that this smmap does not know.
 */
export function* readBackup(fd: number, name: string, passed: (bytes: number) => void): Generator<Entry> {
  const fail = (reason: string): never => {
    throw new CliError(EXIT.DATA, `${name}: ${reason}`);
  };
  const hash = createHash('sha256');
  let number = 0;
  let bytes = 0;
  let foot: Foot | null = null;
  for (const line of linesOf(fd)) {
    number++;
    if (foot !== null) fail(`line ${number}: there is more behind its end; it was changed`);
    const content = parse(line);
    if (number === 1) {
      checkHead(content, fail);
    } else if (isEntry(content)) {
      const entry = { key: content[0], text: content[1] };
      const flaw = flawOfEntry(entry);
      if (flaw !== null) fail(`line ${number}: ${flaw}`);
      yield entry;
    } else if (isFoot(content)) {
      foot = content;
      continue;
    } else {
      fail(`line ${number}: is no entry; it was changed or cut off`);
    }
    hash.update(line).update('\n');
    bytes += line.length + 1;
    passed(bytes);
  }
  if (number === 0) fail('is empty, so it is no backup of smmap');
  if (foot === null) return fail(`was cut off behind line ${number}; nothing was restored`);
  if (foot.entries !== number - 2 || foot.sha256 !== hash.digest('hex')) fail('was changed: its checksum is another');
}

function checkHead(content: unknown, fail: (reason: string) => never): void {
  const head = content as Partial<Head> | null;
  if (typeof head !== 'object' || head?.smmap !== 'backup') return fail('is no backup of smmap');
  if (head.version !== VERSION) {
    fail(
      `is a backup of version ${String(head.version)}, and this smmap knows ${VERSION}; restore it with a newer smmap`,
    );
  }
  if (head.format !== FORMAT && !OLDER_FORMATS.includes(String(head.format))) {
    fail(
      `is of a store of format ${String(head.format)}, which this smmap does not know; restore it with a newer smmap`,
    );
  }
}

function parse(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString('utf8')) as unknown;
  } catch {
    return null;
  }
}

function isEntry(content: unknown): content is readonly [string, string] {
  return Array.isArray(content) && content.length === 2 && content.every((each) => typeof each === 'string');
}

function isFoot(content: unknown): content is Foot {
  return typeof content === 'object' && content !== null && 'sha256' in content && 'entries' in content;
}

/** The lines of an open file of whatever length; the last one counts only with its line feed. */
function* linesOf(fd: number): Generator<Buffer> {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let parts: Buffer[] = [];
  for (let length = readBlocking(fd, chunk); length > 0; length = readBlocking(fd, chunk)) {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end !== -1 && end < length; end = chunk.indexOf(LINE_FEED, start)) {
      yield Buffer.concat([...parts, chunk.subarray(start, end)]);
      parts = [];
      start = end + 1;
    }
    parts.push(Buffer.from(chunk.subarray(start, length)));
  }
}
