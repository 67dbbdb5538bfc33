import { type Bulk, ClosedError, QuestionError, StoreError } from '../../store.ts';
import type { SqlOptions } from '../sql/server.ts';
import type { Line } from './line.ts';
import { type Group, groupsOf, inOrder } from './statement.ts';

/** A place for one connection. One batch of questions uses it at a time. */
interface Slot {
  line: Line | null;
}

/**
 * A pool of connections. Each connection has one group of questions at a time, or with `atOnce` all groups in one
 * statement.
 */
export function createPool({ connections, timeoutMs, queries }: SqlOptions, open: () => Line): Bulk {
  const free: Slot[] = Array.from({ length: connections }, () => ({ line: null }));
  const slots = [...free];
  const waiting: ((slot: Slot) => void)[] = [];
  let closed = false;

  const release = (slot: Slot): void => {
    const next = waiting.shift();
    if (next === undefined) free.push(slot); // the next batch takes this one, and the others stay idle
    else next(slot);
  };

  const ask = async (groups: readonly Group[], until: number, atOnce: boolean): Promise<void> => {
    const slot = free.pop() ?? (await new Promise<Slot>((resolve) => waiting.push(resolve)));
    try {
      if (closed) throw new ClosedError();
      if (slot.line === null || slot.line.ended.aborted) slot.line = open();
      const { line } = slot;
      await line.ask(groups, until, atOnce);
    } catch (cause) {
      const asked = groups.reduce((sum, { questions }) => sum + questions.length, 0);
      if (cause instanceof QuestionError && asked > 1) throw cause;
      for (const group of groups) group.verdicts = group.questions.map(() => cause as StoreError);
    } finally {
      release(slot);
    }
  };

  return {
    async lookupAll(questions, atOnce = false) {
      const until = performance.now() + timeoutMs;
      const groups = groupsOf(questions, queries);
      const asked = groups.filter(({ query }) => query !== null);
      if (asked.length === 1 || (atOnce && asked.length > 1)) await ask(asked, until, atOnce);
      else await Promise.all(asked.map((group) => ask([group], until, false)));
      return inOrder(questions, groups);
    },
    atomic: true,
    close() {
      closed = true;
      for (const { line } of slots) line?.end(new ClosedError());
    },
  };
}
