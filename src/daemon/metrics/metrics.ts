import type { Socket } from 'node:net';
import { watchLoop } from '../../observe/loop-delay.ts';
import { type Observed, collect } from './collect.ts';
import { type Counted, countedOf } from './counted.ts';
import { type Health, assess, flawsOfListeners } from './health.ts';
import { type Asked, type Page, type Pages, createPageServer } from './server.ts';
import { statusOf } from './status.ts';
import { writeText } from './text.ts';

/** What the daemon shows of itself. */
export interface Metrics {
  health(): Promise<Health>;
  /** What was counted since the start. */
  counted(): Counted;
  /** Serves a client of the listener of `[metrics]`. */
  serve(socket: Socket): void;
  close(): void;
}

/** Watches the event loop, and makes the server of the pages. `observed` reads the state of the daemon; `statusPage` is for people. */
export function createMetrics(
  observed: () => Omit<Observed, 'loopDelays'>,
  statusPage: (asked: Asked) => Promise<Page>,
): Metrics {
  const loop = watchLoop();
  const now = (): Observed => ({ ...observed(), loopDelays: loop.delays });
  const server = createPageServer(pagesOf(now, statusPage));
  return {
    health: () => healthOf(now()),
    counted: () => countedOf(now()),
    serve: (socket) => server.serve(socket),
    close() {
      loop.close();
      server.close();
    },
  };
}

/** The pages of the listener, by their paths. */
export function pagesOf(now: () => Observed, statusPage: (asked: Asked) => Promise<Page>): Pages {
  return {
    '/': statusPage,
    '/metrics': async ({ accept }) => {
      const { type, text } = await writeText([await collect(now())], accept);
      return { status: 200, type, text };
    },
    '/health': async () => verdict('healthy', flawsOfListeners(now().listeners)),
    '/ready': async () => verdict('ready', (await healthOf(now())).unready),
    '/status.json': async () => {
      const status = statusOf(now(), await healthOf(now()));
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
