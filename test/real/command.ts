// Runs a program of the real world and collects what it prints.
//
// Never with spawnSync: the server it asks usually lives in this very process.

import { spawn } from 'node:child_process';
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, pipeline } from 'node:stream';

export interface Result {
  /** The exit code, 128 + n if signal n ended the program. */
  code: number;
  stdout: string;
  stderr: string;
}

/** An async generator can wait between two lines, to restart a server say. */
export type Input = string | Iterable<string> | AsyncIterable<string>;

export interface Options {
  env?: Record<string, string>;
  stdin?: Input;
  /** Milliseconds after which the program is killed. */
  limit?: number;
}

export function run(file: string, args: string[], options: Options = {}): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      // Nothing else is handed down: MAIL_CONFIG and the like change results.
      env: { PATH: process.env['PATH'] ?? '', ...options.env },
      timeout: options.limit ?? 120_000,
      killSignal: 'SIGKILL',
    });
    const result = { code: 0, stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (result.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (result.stderr += text));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      result.code = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
      resolve(result);
    });
    async function* input() {
      try {
        yield* typeof options.stdin === 'string' ? [options.stdin] : (options.stdin ?? []);
      } catch (error) {
        reject(error);
      }
    }
    // A program may well end before it has read everything: not an error.
    pipeline(Readable.from(input()), child.stdin, () => {});
  });
}

/** Gives a throw-away folder with the named files to `use`. */
export async function withFiles<T>(files: Record<string, string>, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'mta-'));
  try {
    for (const [name, text] of Object.entries(files)) {
      const file = join(folder, name);
      await writeFile(file, text);
      // Postfix reads a file again and again for 2 s, until it looks finished.
      await utimes(file, 1, 1);
    }
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
