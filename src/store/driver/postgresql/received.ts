// What smmap itself reads of PostgreSQL's protocol (version 3). All else is left to pg.

/** The values of one row, as texts. */
export type Texts = readonly (string | null)[];

const HEAD = 5; // a byte for the type, and four for the length, which counts itself

/**
 * Cuts what a server sends between its messages. `give` gets one or several whole ones, and may not keep their bytes.
 * The returned function takes the bytes of a read. It returns false if they cannot be messages.
 */
export function createFrames(
  give: (bytes: Buffer, length: number) => void,
): (bytes: Buffer, length: number) => boolean {
  let parts: Buffer[] = []; // of a message of which the rest is to come
  let held = 0;
  let wanted = 0; // bytes, before it is worth to look again

  const cut = (bytes: Buffer, length: number): boolean => {
    let at = 0;
    let size = HEAD;
    while (at + HEAD <= length) {
      size = 1 + bytes.readUInt32BE(at + 1);
      if (size < HEAD) return false;
      if (at + size > length) break;
      at += size;
      size = HEAD;
    }
    parts = at === length ? [] : [Buffer.from(bytes.subarray(at, length))];
    held = length - at;
    wanted = size;
    if (at > 0) give(bytes, at);
    return true;
  };
  return (bytes, length) => {
    if (held === 0) return cut(bytes, length);
    parts.push(Buffer.from(bytes.subarray(0, length)));
    held += length;
    return held < wanted || cut(Buffer.concat(parts), held);
  };
}

const [BIND_COMPLETE, DATA_ROW, COMMAND_COMPLETE] = [0x32, 0x44, 0x43];

/** ReadyForQuery, outside a transaction: the last message of an answer. */
export const READY = Buffer.from('Z\0\0\0\x05I');

/**
 * The rows of a statement that was bound and executed, if these whole messages are its complete answer and nothing else.
 * Null: they are a part, an error, or have a notice among them.
 */
export function rowsOf(bytes: Buffer, length: number): Texts[] | null {
  const end = length - READY.length;
  if (bytes[0] !== BIND_COMPLETE || end < HEAD || bytes.compare(READY, 0, READY.length, end, length) !== 0) return null;
  const rows: Texts[] = [];
  let at = HEAD;
  for (let next = at; at < end && bytes[at] === DATA_ROW; at = next) {
    next = at + 1 + bytes.readUInt32BE(at + 1);
    if (next > end) return null;
    const row = textsOf(bytes, at + HEAD, next);
    if (row === null) return null;
    rows.push(row);
  }
  return at < end && bytes[at] === COMMAND_COMPLETE && at + 1 + bytes.readUInt32BE(at + 1) === end ? rows : null;
}

/** The values of a row between these places. Null: they are not of a row. */
function textsOf(bytes: Buffer, start: number, end: number): Texts | null {
  const count = start + 2 <= end ? bytes.readUInt16BE(start) : 0;
  const texts: (string | null)[] = [];
  let at = start + 2;
  for (; texts.length < count && at + 4 <= end; at += 4) {
    const length = bytes.readInt32BE(at);
    if (length < -1 || at + 4 + length > end) return null; // -1: the value is null
    texts.push(length < 0 ? null : bytes.toString('utf8', at + 4, at + 4 + length));
    at += Math.max(0, length);
  }
  return at === end && texts.length === count ? texts : null;
}
