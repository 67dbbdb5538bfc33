/** Shows the progress of a command. */
export interface Progress {
  show(bytes: number, imported: number): void;
  clear(): void;
}

const BAR_CHARS = 30;

/** A bar on a terminal, and nothing elsewhere. `size` is 0 if it is unknown; `noun` is what is counted. */
export function createProgress(size: number, noun: string): Progress {
  if (!process.stderr.isTTY) return { show: () => {}, clear: () => {} };
  return {
    show(bytes, imported) {
      const done = Math.min(1, bytes / size);
      const bar =
        size === 0
          ? ''
          : `[${'#'.repeat(Math.round(done * BAR_CHARS)).padEnd(BAR_CHARS)}] ${Math.floor(done * 100)} %, `;
      process.stderr.write(`\r${bar}${imported} ${noun}`);
    },
    clear: () => void process.stderr.write('\r\x1b[K'),
  };
}
