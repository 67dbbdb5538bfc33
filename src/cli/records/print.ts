const BATCH_CHARS = 65_536;

/** Prints lines as fast as standard output takes them, and keeps at most one batch in memory. */
export async function print(lines: Iterable<string>): Promise<void> {
  let batch = '';
  for (const line of lines) {
    batch += `${line}\n`;
    if (batch.length < BATCH_CHARS) continue;
    if (!process.stdout.write(batch)) await new Promise((resolve) => process.stdout.once('drain', resolve));
    batch = '';
  }
  process.stdout.write(batch);
}
