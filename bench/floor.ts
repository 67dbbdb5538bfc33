import { createServer } from 'node:net';

/** The floor server: answers a constant to whatever it reads. It shows what node:net costs when a server does nothing. */

const REPLY = '26:OK user500000@example.org,';

createServer((socket) => {
  socket.on('data', () => socket.write(REPLY));
  socket.on('error', () => {}); // the load has closed the connection
}).listen(process.argv[2], () => process.send?.('listening'));

process.on('disconnect', () => process.exit());
