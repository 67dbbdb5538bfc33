import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';

/** The command line's parts, and how its words are read; a word that is no good is said so by commander, exit code 64. */
export { Argument, Command, CommanderError, Option };

/** For an option that may be given several times. */
export function collect(value: string, previous: readonly string[]): string[] {
  return [...previous, value];
}

export function parseTable(text: string): string {
  if (text === '' || /[\s\p{Cc}]/u.test(text)) throw new InvalidArgumentError('A table has a name without blanks.');
  return text;
}

export function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (!(seconds > 0 && seconds <= 3_600)) throw new InvalidArgumentError('Give seconds, such as 5 or 0.5.');
  return seconds;
}

export function parseCount(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('Give a number, such as 500.');
  return Number(text);
}
