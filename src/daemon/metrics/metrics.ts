import type { Socket } from 'node:net';
import { sumOfDurations } from '../../histogram.ts';
import { watchLoop } from '../../observe/loop-delay.ts';
import type { Maybe } from '../../vocabulary.ts';
import { type Observed, type Served, collect } from './collect.ts';
import { type Counted, countedOf } from './counted.ts';
import { type Health, assess, flawsOfListeners } from './health.ts';
import { type Asked, type Page, type Pages, createPageServer } from './server.ts';
import { statusOf } from './status.ts';
import { writeText } from './text.ts';

/** What the daemon shows of itself. */
export interface Metrics {
  health(): Promise<Health>;
  /** What was counted since the start. */
  counted(): Promise<Counted>;
  /** Serves a client of the listener of `[metrics]`. */
  serve(socket: Socket): void;
  close(): void;
}

/** Watches the event loop, and makes the server of the pages. `observed` reads the state of the daemon; `statusPage` is for people. */
export function createMetrics(observed: () => Maybe<Served>, statusPage: (asked: Asked) => Promise<Page>): Metrics {
  const loop = watchLoop();
  const now = async (): Promise<Observed> => {
    const { loops = [], ...served } = await observed();
    return { ...served, loopDelays: loops.reduce(sumOfDurations, loop.delays) };
  };
  const server = createPageServer(pagesOf(now, statusPage));
  return {
    health: async () => healthOf(await now()),
    counted: async () => countedOf(await now()),
    serve: (socket) => server.serve(socket),
    close() {
      loop.close();
      server.close();
    },
  };
}

/** The pages of the listener, by their paths. */
export function pagesOf(now: () => Maybe<Observed>, statusPage: (asked: Asked) => Promise<Page>): Pages {
  return {
    '/': statusPage,
    '/metrics': async ({ accept }) => {
      const { type, text } = await writeText([await collect(await now())], accept);
      return { status: 200, type, text };
    },
    '/health': async () => verdict('healthy', flawsOfListeners((await now()).listeners)),
    '/ready': async () => verdict('ready', (await healthOf(await now())).unready),
    '/status.json': async () => {
      const observed = await now();
      const status = statusOf(observed, await healthOf(observed));
      return { status: 200, type: 'application/json', text: `${JSON.stringify(status, null, 2)}\n` };
    },
  };
}

function healthOf({ listeners, stores }: Observed): Promise<Health> {
  return assess(listeners, stores);
}

/** 200, or 503 with what is wrong, a line for each. */
function verdict(word: string, flaws: readonly string[]): Page {
  const text = flaws.length === 0 ? word : flaws.join('\n');
  return { status: flaws.length === 0 ? 200 : 503, type: 'text/plain; charset=utf-8', text: `${text}\n` };
}
