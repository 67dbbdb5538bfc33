import { nameOf } from '../record/record.ts';
import type { Kept } from '../store/guard/shown.ts';
import type { Question } from '../vocabulary.ts';
import { type Ask, withControl } from './ask.ts';
import { formatColumns, formatDuration } from './columns.ts';

/** The commands of `smmap cache`. */
export type CacheCommand = 'show' | 'forget' | 'clear';

/** Shows or changes caches. Resolves to the exit code: 1 if there is nothing to show. Throws CliError. */
export function cache(command: CacheCommand, names: readonly string[], server: string): Promise<number> {
  const each = names.length === 0 ? [''] : names; // everything
  return withControl(server, async (ask) => {
    let exitCode = 0;
    for (const name of each) exitCode = Math.max(exitCode, await COMMANDS[command](ask, name));
    return exitCode;
  });
}

interface Shown {
  readonly kept: readonly (Kept & { readonly store: string })[];
  readonly leftOut: number;
}

const COMMANDS: Readonly<Record<CacheCommand, (ask: Ask, name: string) => Promise<number>>> = {
  async show(ask, name) {
    const { kept, leftOut } = await ask<Shown>('cache-show', name);
    if (kept.length > 0) process.stdout.write(formatColumns([HEAD, ...kept.map(lineOf)], FIGURES));
    if (leftOut > 0) process.stderr.write(`smmap: ${leftOut} more are not shown; name an address or @domain\n`);
    if (kept.length > 0) return 0;
    process.stderr.write(`smmap: nothing is cached${name === '' ? '' : ` about ${name}`}\n`);
    return 1;
  },
  async forget(ask, name) {
    const { forgotten } = await ask<{ forgotten: number }>('cache-forget', name);
    process.stdout.write(`${name}: ${forgotten} forgotten\n`);
    return 0;
  },
  async clear(ask, name) {
    const { stores, forgotten } = await ask<{ stores: string[]; forgotten: number }>('cache-clear', name);
    process.stdout.write(`${stores.join(', ')}: ${forgotten} forgotten\n`);
    return 0;
  },
};

const HEAD = ['store', 'about', 'what', 'age', 'left', 'if it fails', 'answer'];
const FIGURES = new Set([3, 4, 5]);

function lineOf({ store, question, answer, ageMs, leftMs, staleLeftMs }: Shown['kept'][number]): string[] {
  const left = (ms: number): string => (ms > 0 ? formatDuration(ms) : '-');
  const times = [formatDuration(ageMs), left(leftMs), left(staleLeftMs)];
  return [store, question.about, whatOf(question), ...times, wordsOf(answer)];
}

function whatOf(question: Question): string {
  const name = question.about === 'key' ? `${question.table}: ${question.key}` : nameOf(question);
  const folder = question.about === 'mailbox' && question.folder !== null ? ` folder ${question.folder}` : '';
  return `${name}${folder}${question.about !== 'domain' && question.exact ? ' (exact spelling)' : ''}`;
}

function wordsOf(answer: Kept['answer']): string {
  if (answer === null) return 'absent';
  if ('failed' in answer) return `failed: ${answer.failed}`;
  const state = answer.state === 'active' ? 'found' : answer.state;
  return answer.value === '' ? state : `${state}: ${answer.value}`;
}
