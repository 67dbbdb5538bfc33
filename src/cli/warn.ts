/** Prints a warning on standard error. */
export function warn(text: string): void {
  process.stderr.write(`smmap: ${text}\n`);
}
