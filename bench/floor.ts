import { createServer } from 'node:net';

/**
 * The floor: what node:net costs when nothing is done. The most natural server there is, in a process of its own, which
 * answers the same constant to whatever comes.
 */

const REPLY = '26:OK user500000@example.org,';

createServer((socket) => {
  socket.on('data', () => socket.write(REPLY));
  socket.on('error', () => {}); // the load has gone
}).listen(process.argv[2], () => process.send?.('listening'));

process.on('disconnect', () => process.exit());
