import { resolve } from 'node:path';
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { Configuration } from './configuration.ts';
import { MACHINE_FILE } from './places.ts';

/** The parts of the command line, and how to read its words. For a bad word, commander prints the error: exit code 64. */
export { Argument, Command, CommanderError, InvalidArgumentError, Option };

/** --config, which every command has that needs a place or a setting. */
export function configOption(): Option {
  return new Option('-c, --config <file>', `configuration in TOML (default: $SMMAP_CONFIG, or ${MACHINE_FILE})`);
}

/** --store of the commands that read or write the embedded store. */
export function storeOption(): Option {
  const option = new Option('-s, --store <dir>', 'folder of the store (default: as the configuration says)');
  return option.argParser((dir) => resolve(dir));
}

/** --wait of the commands that write the embedded store. */
export function waitOption(): Option {
  const option = new Option('--wait <seconds>', 'how long to wait for another command that writes; then exit code 75');
  return option.argParser((text) => parseWait(text)).default(Infinity, 'until it has written');
}

/** The configuration that a command uses. Its code is loaded only here, so that a command that needs none starts at once. */
export async function configurationOf(options: { readonly config?: string | undefined }): Promise<Configuration> {
  return (await import('./configuration.ts')).findConfiguration(options.config ?? null);
}

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

/** Seconds that may be 0, as milliseconds. */
function parseWait(text: string): number {
  if (!/^\d{1,7}(?:\.\d{1,3})?$/.test(text))
    throw new InvalidArgumentError('Give a number of seconds, such as 60, or 0 to wait for nobody.');
  return Number(text) * 1_000;
}

export function parseCount(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('Give a whole number, such as 500.');
  return Number(text);
}

export function parseRelease(text: string): string {
  if (!/^\d+\.\d/.test(text)) throw new InvalidArgumentError('Give a release such as 6.8 or 7.6.');
  return text;
}
