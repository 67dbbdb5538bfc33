import { createServer } from 'node:net';
import pg from 'pg';

/**
 * A socket map server over PostgreSQL that does nothing else: what a hop in Node costs at least. Each client has a
 * connection of its own with one prepared statement. It takes it that each request comes in one read.
 */

const [, , path, url, query = ''] = process.argv;

createServer((socket) => {
  const client = new pg.Client({ connectionString: url });
  client.connect().catch(fail);
  socket.on('data', (request: Buffer) => {
    const key = request.toString('utf8', request.indexOf(' ') + 1, request.length - 1);
    client.query<[string]>({ name: 'mailbox', text: query, values: [key], rowMode: 'array' }, (error, result) => {
      if (socket.destroyed) return; // the load did not wait for its reply
      if ((error as Error | null) !== null) fail(error);
      const [row] = result.rows;
      const reply = row === undefined ? 'NOTFOUND ' : `OK ${row[0]}`;
      socket.write(`${Buffer.byteLength(reply)}:${reply},`);
    });
  });
  socket.on('error', () => {}); // the load has closed the connection
  socket.on('close', () => void client.end());
}).listen({ path, readableAll: true, writableAll: true });

function fail(error: Error): never {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
