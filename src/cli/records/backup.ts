import { createHash } from 'node:crypto';
import type { Entry } from '../../store/driver/embedded/derived.ts';
import { FORMAT, OLDER_FORMATS } from '../../store/driver/embedded/format.ts';
import { flawOfEntry, type Whole } from '../../store/driver/embedded/whole.ts';
import { CliError, EXIT } from '../error.ts';
import { CHUNK_BYTES, readBlocking } from './lines.ts';

/**
 * A backup is lines of JSON. The first says what it is. Then each record and mark is `["key","text"]`, as in the store. The last
 * line has their number and the SHA-256 of all lines above; if it is missing, the backup was cut off.
 */
interface Head {
  readonly smmap: 'backup';
  readonly version: number;
  /** The format of the store. */
  readonly format: string;
  readonly made: string;
}

interface Foot {
  readonly entries: number;
  readonly sha256: string;
}

const VERSION = 1;
const LINE_FEED = 0x0a;

/** The lines of a backup of a store. `passed` gets the number of entries that are done. */
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
 * The entries of a backup, from an open file called `name`. `passed` gets the number of bytes that were read. Throws CliError if
 * it is not a backup, at its end if it was cut off or changed, and for an entry that this smmap does not know.
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
    if (foot !== null) fail(`line ${number}: is after the end of the backup; the file was changed`);
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
      fail(`line ${number}: is not an entry; the file was changed or cut off`);
    }
    hash.update(line).update('\n');
    bytes += line.length + 1;
    passed(bytes);
  }
  if (number === 0) fail('is empty, so it is not a backup of smmap');
  if (foot === null) return fail(`was cut off after line ${number}; nothing was restored`);
  if (foot.entries !== number - 2 || foot.sha256 !== hash.digest('hex'))
    fail('was changed: its checksum does not match');
}

function checkHead(content: unknown, fail: (reason: string) => never): void {
  const head = content as Partial<Head> | null;
  if (typeof head !== 'object' || head?.smmap !== 'backup') return fail('is not a backup of smmap');
  if (head.version !== VERSION) {
    fail(
      `is a backup of version ${String(head.version)}, and this smmap knows version ${VERSION}; restore it with a newer smmap`,
    );
  }
  if (head.format !== FORMAT && !OLDER_FORMATS.includes(String(head.format))) {
    fail(`has a store of format ${String(head.format)}, which this smmap does not know; restore it with a newer smmap`);
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

/** The lines of an open file, of any length. The last one counts only with its line feed. */
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
