// Commands over a store of their own.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { createEmpty } from '../../src/store/driver/embedded/whole.ts';
import { cli, makeFolder } from './daemon.ts';

/** Runs commands over a store of their own. */
export interface Store {
  readonly folder: string;
  /** Exit code, standard output and standard error. */
  readonly run: (args: readonly string[], stdin?: string) => Promise<[code: number, stdout: string, stderr: string]>;
  /** Standard output of a command that says nothing else. */
  readonly print: (...args: string[]) => Promise<string>;
  /** Runs an import of a text, which is called `list` in messages. */
  readonly read: (args: readonly string[], text: string | Buffer) => Promise<[code: number, stderr: string]>;
}

/** Makes an empty store. */
export async function openStore(): Promise<Store> {
  const folder = await makeFolder();
  await createEmpty(join(folder, 'store'));
  const store = ['--store', join(folder, 'store')];
  const run: Store['run'] = async (args, stdin = '') => {
    const { code, stdout, stderr } = await cli([...args, ...store], stdin);
    return [code, stdout, stderr.replaceAll(`${folder}/`, '')];
  };
  return {
    folder,
    run,
    async print(...args) {
      const [code, stdout, stderr] = await run(args);
      expect([code, stderr]).toEqual([0, '']);
      return stdout;
    },
    async read(args, text) {
      writeFileSync(join(folder, 'list'), text);
      const [code, stdout, stderr] = await run([...args, join(folder, 'list')]);
      expect(stdout).toBe('');
      return [code, stderr];
    },
  };
}
