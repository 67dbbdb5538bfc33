import { fstatSync } from 'node:fs';

/** The priorities of syslog(3), which journald reads from `<N>` at the start of a line. */
const PRIORITIES: ReadonlyMap<string, number> = new Map([
  ['fatal', 2],
  ['error', 3],
  ['warn', 4],
  ['info', 6],
  ['debug', 7],
]);

/** Whether a descriptor leads to journald: systemd names it in JOURNAL_STREAM by device and inode (systemd.exec(5)). */
export function isJournal({ JOURNAL_STREAM }: NodeJS.ProcessEnv, fd: number): boolean {
  if (JOURNAL_STREAM === undefined) return false;
  try {
    const { dev, ino } = fstatSync(fd, { bigint: true });
    return JOURNAL_STREAM === `${dev}:${ino}`;
  } catch {
    return false;
  }
}

/** A line for journald, which stores its priority and removes it from the text. */
export function withPriority(level: string, line: string): string {
  return `<${PRIORITIES.get(level) ?? 6}>${line}`;
}
