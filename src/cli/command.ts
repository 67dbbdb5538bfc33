import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';

/** The parts of the command line, and how to read its words. For a bad word, commander prints the error: exit code 64. */
export { Argument, Command, CommanderError, Option };

/** Collects the values of an option that may be repeated. */
export function collect(value: string, previous: readonly string[]): string[] {
  return [...previous, value];
}

export function parseTable(text: string): string {
  if (text === '' || /[\s\p{Cc}]/u.test(text))
    throw new InvalidArgumentError('The name of a table must not be empty or have blanks.');
  return text;
}

export function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (!(seconds > 0 && seconds <= 3_600))
    throw new InvalidArgumentError('Give a number of seconds, such as 5 or 0.5, up to 3600.');
  return seconds;
}

export function parseCount(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('Give a whole number, such as 500.');
  return Number(text);
}
