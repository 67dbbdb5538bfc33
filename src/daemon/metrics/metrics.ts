import type { Socket } from 'node:net';
import { watchLoop } from '../../observe/loop-delay.ts';
import { type Observed, collect } from './collect.ts';
import { type Health, assess } from './health.ts';
import { type Page, createPageServer } from './server.ts';
import { statusOf } from './status.ts';
import { writeText } from './text.ts';

/** What the daemon shows of itself. */
export interface Metrics {
  health(): Promise<Health>;
  /** Serves a client of the listener of `[metrics]`. */
  serve(socket: Socket): void;
  close(): void;
}

/** Makes the pages of the listener. `observed` reads the state of the daemon. */
export function createMetrics(observed: () => Omit<Observed, 'loopDelays'>): Metrics {
  const loop = watchLoop();
  const now = (): Observed => ({ ...observed(), loopDelays: loop.delays });
  const health = (): Promise<Health> => {
    const { listeners, stores } = now();
    return assess(listeners, stores);
  };
  const server = createPageServer({
    '/metrics': async (accept) => {
      const { type, text } = await writeText([await collect(now())], accept);
      return { status: 200, type, text };
    },
    '/health': async () => verdict('healthy', (await health()).unhealthy),
    '/ready': async () => verdict('ready', (await health()).unready),
    '/status.json': async () => {
      const status = statusOf(now(), await health());
      return { status: 200, type: 'application/json', text: `${JSON.stringify(status, null, 2)}\n` };
    },
  });
  return {
    health,
    serve: (socket) => server.serve(socket),
    close() {
      loop.close();
      server.close();
    },
  };
}

/** 200, or 503 with what is wrong, a line for each. */
function verdict(word: string, flaws: readonly string[]): Page {
  const text = flaws.length === 0 ? word : flaws.join('\n');
  return { status: flaws.length === 0 ? 200 : 503, type: 'text/plain; charset=utf-8', text: `${text}\n` };
}
