import { type Histogram, createHistogram } from '../histogram.ts';

const EVERY_MS = 100;

/** Measures ten times a second how much later than wanted the event loop runs a timer. */
export function watchLoop(): { readonly delays: Histogram; close(): void } {
  const delays = createHistogram();
  let wanted = performance.now() + EVERY_MS;
  const timer = setInterval(() => {
    const now = performance.now();
    delays.add(Math.max(0, now - wanted));
    wanted = now + EVERY_MS;
  }, EVERY_MS).unref();
  return { delays, close: () => clearInterval(timer) };
}
