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

/** Bind, Execute and Sync, in one piece: runs a prepared statement with these values. */
export function toRun(name: string, values: readonly string[]): Buffer {
  const bind = values.reduce(
    (sum, value) => sum + 4 + Buffer.byteLength(value),
    5 + 1 + Buffer.byteLength(name) + 1 + 6,
  );
  const message = Buffer.allocUnsafe(bind + EXECUTE_AND_SYNC.length);
  message.write('B');
  let at = message.writeInt32BE(bind - 1, 1);
  at += message.write(`\0${name}\0`, at); // a portal without a name
  at = message.writeInt16BE(0, at); // all values are texts
  at = message.writeInt16BE(values.length, at);
  for (const value of values) {
    const length = message.write(value, at + 4);
    message.writeInt32BE(length, at);
    at += 4 + length;
  }
  at = message.writeInt16BE(0, at); // all results are texts
  EXECUTE_AND_SYNC.copy(message, at);
  return message;
}
