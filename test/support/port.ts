import { createServer } from 'node:net';

const FIRST = 12_000;
const COUNT = 20_000; // up to where Linux begins to give ports to connections, so that none of these can take it

/** A port of this machine at which nobody listens. Test files run side by side, so it is any of many. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    const free = await new Promise<boolean>((resolve) => {
      const trial = createServer().once('error', () => resolve(false));
      trial.listen(port, '127.0.0.1', () => trial.close(() => resolve(true)));
    });
    if (free) return port;
  }
}
