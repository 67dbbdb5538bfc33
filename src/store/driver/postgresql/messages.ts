// What smmap sends in PostgreSQL's protocol (version 3, "extended query"). All values and results are texts.

/** Parse and Describe: prepares a statement under a name, and asks for its columns. */
export function toPrepare(name: string, text: string): Buffer {
  const parse = `${name}\0${text}\0\0\0`; // the server itself finds the types of its parameters
  const describe = `S${name}\0`;
  return Buffer.concat([messageOf('P', parse), messageOf('D', describe)]);
}

function messageOf(type: string, text: string): Buffer {
  const length = Buffer.byteLength(text);
  const message = Buffer.alloc(5 + length);
  message.write(type);
  message.writeInt32BE(4 + length, 1);
  message.write(text, 5);
  return message;
}

const EXECUTE_AND_SYNC = Buffer.concat([messageOf('E', '\0\0\0\0\0'), messageOf('S', '')]);

/** The first bytes of a Bind of a prepared statement, without its length. They are the same at each run. */
export function toBegin(name: string): Buffer {
  return Buffer.from(`B\0\0\0\0\0${name}\0\0\0`); // a portal without a name; all values are texts
}

/** Bind, Execute and Sync, in one piece: runs a prepared statement with these values. */
export function toRun(begin: Buffer, values: readonly string[]): Buffer {
  let length = begin.length + 4;
  for (const value of values) length += 4 + Buffer.byteLength(value);
  const message = Buffer.allocUnsafe(length + EXECUTE_AND_SYNC.length);
  let at = begin.copy(message);
  message.writeInt32BE(length - 1, 1);
  at = message.writeInt16BE(values.length, at);
  for (const value of values) {
    const bytes = message.write(value, at + 4);
    message.writeInt32BE(bytes, at);
    at += 4 + bytes;
  }
  at = message.writeInt16BE(0, at); // all results are texts
  EXECUTE_AND_SYNC.copy(message, at);
  return message;
}
