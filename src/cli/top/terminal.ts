import { constants } from 'node:os';
import type { Line, Size } from './screen.ts';

/** The terminal of this process, while it shows a screen that changes. */
export interface Terminal {
  /** Resolves to the exit code when the user, or a signal, ends the program. */
  readonly ended: Promise<number>;
  readonly size: Size;
  show(lines: readonly Line[]): void;
  /** Makes the terminal as it was before. */
  close(): void;
}

const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l'; // the second screen, no cursor, no line wraps
const LEAVE = '\x1b[?7h\x1b[?25h\x1b[?1049l';
const SGR = { plain: ['', ''], head: ['\x1b[1m', '\x1b[22m'], bad: ['\x1b[31m', '\x1b[39m'] } as const;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const ENDS = /[qQ\x03\x04]/; // in raw mode, Ctrl-C and Ctrl-D are characters

/** Whether standard output is a terminal that can show a screen. */
export function isTerminal(environment: NodeJS.ProcessEnv): boolean {
  return process.stdout.isTTY && environment['TERM'] !== 'dumb';
}

/** Opens the terminal. `resized` is called when its size has changed. */
export function openTerminal(environment: NodeJS.ProcessEnv, resized: () => void): Terminal {
  const { stdin, stdout } = process;
  const isColoured = (environment['NO_COLOR'] ?? '') === '';
  let end: (code: number) => void = () => {};
  const ended = new Promise<number>((resolve) => {
    end = resolve;
  });
  const typed = (text: string): void => {
    if (ENDS.test(text)) end(0);
  };
  const stopped = (signal: NodeJS.Signals): void => end(signal === 'SIGINT' ? 0 : 128 + constants.signals[signal]);
  let isOpen = true;
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    process.off('exit', close);
    for (const signal of SIGNALS) process.off(signal, stopped);
    stdout.off('resize', resized);
    stdin.off('data', typed);
    if (stdin.isTTY) stdin.setRawMode(false);
    stdin.pause();
    stdout.write(LEAVE);
  };
  process.on('exit', close);
  for (const signal of SIGNALS) process.on(signal, stopped);
  stdout.on('resize', resized);
  if (stdin.isTTY) {
    stdin.setRawMode(true);
    stdin.setEncoding('utf8').on('data', typed);
  }
  stdout.write(ENTER);
  return {
    ended,
    get size() {
      return { columns: stdout.columns || 80, rows: stdout.rows || 24 };
    },
    show(lines) {
      const paint = ({ text, tone }: Line): string => (isColoured ? `${SGR[tone][0]}${text}${SGR[tone][1]}` : text);
      stdout.write(`\x1b[H${lines.map((line) => `\x1b[2K${paint(line)}`).join('\r\n')}\x1b[0J`);
    },
    close,
  };
}
