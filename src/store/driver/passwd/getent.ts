import { spawn } from 'node:child_process';
import { plain, saying } from '../../../message.ts';
import { StoreError } from '../../store.ts';

const MOST_BYTES = 1_000_000; // a line has some 100 bytes

/**
 * Runs getent(1) for accounts, and resolves to the lines that it prints, in the order of the names. Kills it after
 * `timeoutMs`. Rejects if it fails. It does not say whether a source of accounts failed: then it finds nothing there.
 */
export function getent(
  [program = 'getent', ...args]: readonly string[],
  names: readonly string[],
  timeoutMs: number,
): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args, 'passwd', '--', ...names], { stdio: ['ignore', 'pipe', 'ignore'] });
    const chunks: Buffer[] = [];
    let bytes = 0;
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      child.kill('SIGKILL');
      child.stdout.destroy(); // a child of it may keep it open
      reject(new StoreError(`getent did not answer within ${timeoutMs} ms`));
    }, timeoutMs);
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MOST_BYTES) child.kill('SIGKILL');
      else chunks.push(chunk);
    });
    child.once('error', (cause) => {
      clearTimeout(timer);
      reject(new StoreError(saying`getent cannot be run: ${plain(cause.message)}`, { cause }));
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (isLate) return;
      if (code !== 0 && code !== SOME_MISSING) {
        reject(new StoreError(saying`getent ended with ${code ?? plain(String(signal))}`));
        return;
      }
      const lines = Buffer.concat(chunks).toString('utf8').split('\n');
      if (lines.pop() === '') resolve(lines);
      else reject(new StoreError('the answer of getent was cut off'));
    });
  });
}

const SOME_MISSING = 2;
