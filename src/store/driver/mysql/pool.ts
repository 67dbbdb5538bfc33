import { createLuck } from '../../luck.ts';
import { type Bulk, ClosedError, StoreError, toStoreError } from '../../store.ts';
import type { SqlOptions } from '../sql/server.ts';
import { answerAll, type Link } from './link.ts';

const WORTH = 0.75; // the first SELECT of a schema alone saves a third of the CPU time, and half in a batch

/** A pool of connections. Each has one batch at a time. `open` makes a connection, which calls `ended` when it ends. */
export function createPool({ connections, timeoutMs, queries }: SqlOptions, open: (ended: () => void) => Link): Bulk {
  const links = new Set<Link>();
  const idle: Link[] = [];
  const waiting: (() => void)[] = [];
  const luck = createLuck(WORTH);
  let busy = 0;
  let closed = false;

  const enter = (): Promise<void> | void => {
    if (busy >= connections) return new Promise((resolve) => waiting.push(resolve));
    busy++;
  };
  const leave = (): void => {
    const next = waiting.shift();
    if (next === undefined) busy--;
    else next();
  };
  const take = (): Link => {
    for (let link = idle.pop(); link !== undefined; link = idle.pop()) {
      if (links.has(link)) return link;
    }
    const link = open(() => links.delete(link));
    links.add(link);
    return link;
  };

  return {
    async lookupAll(questions, atOnce = false) {
      await enter();
      try {
        if (closed) throw new ClosedError();
        const link = take();
        const timer = setTimeout(() => link.end(new StoreError(`no answer within ${timeoutMs} ms`)), timeoutMs);
        try {
          await link.ready;
          return await answerAll(link, queries, questions, atOnce, luck);
        } catch (cause) {
          throw toStoreError(cause);
        } finally {
          clearTimeout(timer);
          if (links.has(link)) idle.push(link);
        }
      } finally {
        leave();
      }
    },
    atomic: true,
    close() {
      closed = true;
      for (const link of links) link.end(new ClosedError());
    },
  };
}
