import { printable } from '../observe/printable.ts';

/** Prints a warning on standard error. */
export function warn(text: string): void {
  process.stderr.write(`smmap: ${printable(text, true)}\n`);
}
