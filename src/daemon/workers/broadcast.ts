import type { Loss } from '../../store/brake.ts';
import type { Kept } from '../../store/guard/shown.ts';
import { type Commands, RELOAD_MS, RefusedError, cut } from '../control.ts';
import { isSilent } from './calls.ts';
import type { Child } from './child.ts';

/** The workers that a command goes to. `all`: also those that still open their stores; they do it afterwards. */
export interface Reached {
  readonly all: readonly Child[];
  readonly serving: readonly Child[];
}

const CONFIRM_MS = 3_000; // the command line waits for five seconds

/**
 * The commands of the control socket, done by each worker. They are done only when all workers have confirmed it. A worker
 * that ends meanwhile needs not: the next one begins with empty caches.
 */
export function commandsOfTeam(reached: () => Reached): Commands {
  const each = async (name: string, argument: string, timeoutMs = CONFIRM_MS): Promise<readonly Answer[]> => {
    const { all } = reached();
    const asked = all.map(async (child): Promise<Answer | Failure | null> => {
      try {
        return { child, value: await child.call('command', { name, argument }, timeoutMs) };
      } catch (error) {
        return reached().all.includes(child) ? { child, error } : null;
      }
    });
    const answers = (await Promise.all(asked)).filter((answer) => answer !== null);
    const failures = answers.filter((answer) => 'error' in answer);
    const refused = failures.find(({ error }) => error instanceof RefusedError);
    if (refused !== undefined) throw refused.error;
    const [failure] = failures;
    if (failure !== undefined) throw refusalOf(failure);
    if (answers.length === 0) throw new RefusedError('no worker runs at the moment; the log says why');
    return answers.filter((answer) => 'value' in answer);
  };
  const sumOf = (answers: readonly Answer[]): number =>
    answers.reduce((sum, { value }) => sum + (value as { readonly forgotten: number }).forgotten, 0);
  return {
    async 'cache-show'(what) {
      const answers = await each('cache-show', what);
      const lists = answers.map(({ child, value }) => {
        const { kept, leftOut } = value as { readonly kept: readonly Kept[]; readonly leftOut: number };
        return { kept: kept.map((one) => Object.assign({ worker: child.number }, one)), leftOut };
      });
      const leftOut = lists.reduce((sum, list) => sum + list.leftOut, 0);
      return cut(
        'kept',
        lists.flatMap(({ kept }) => kept),
        leftOut,
      );
    },
    'cache-forget': async (what) => ({ forgotten: sumOf(await each('cache-forget', what)) }),
    async 'cache-clear'(name) {
      const answers = await each('cache-clear', name);
      return { ...(answers[0]?.value as object), forgotten: sumOf(answers) };
    },
    async release(name) {
      const answers = await each('release', name, RELOAD_MS - CONFIRM_MS);
      const lists = answers.map(({ value }) => (value as { readonly lost: readonly Loss[] }).lost);
      return { lost: lists.reduce((one, other) => (other.length > one.length ? other : one)) };
    },
    async explain(argument) {
      const [child] = reached().serving;
      if (child === undefined) throw new RefusedError('no worker runs at the moment; the log says why');
      return (await child.call('command', { name: 'explain', argument }, RELOAD_MS - CONFIRM_MS)) as object;
    },
  };
}

interface Answer {
  readonly child: Child;
  readonly value: unknown;
}

interface Failure {
  readonly child: Child;
  readonly error: unknown;
}

function refusalOf({ child: { number, pid }, error }: Failure): RefusedError {
  if (!isSilent(error)) return new RefusedError(`worker ${number} failed: ${String(error)}`);
  return new RefusedError(
    `worker ${number} has not confirmed it, and may still answer as before; end it (kill -9 ${pid}): the next one begins anew`,
  );
}
