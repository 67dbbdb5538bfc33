import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The programs of this smmap. A built file stands in a folder beside them, as this one does (rolldown.config.ts). */
export const MAIN = fileURLToPath(new URL('../main.js', import.meta.url));
export const WORKER = fileURLToPath(new URL('../worker.js', import.meta.url));

/** The version of this package. */
export function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
