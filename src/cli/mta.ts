import { statSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../config/config.ts';
import { parseEndpoint } from '../endpoint.ts';
import { MTAS } from '../mta/mtas.ts';
import { readPostconf } from '../mta/postconf.ts';
import { type MtaFile, type Printout, readSetting, sample } from '../mta/setting.ts';
import type { Configuration } from './configuration.ts';
import { CliError, EXIT } from './error.ts';
import { makeFolder } from './folder.ts';
import { MACHINE_FILE } from './places.ts';
import { writeOutput } from './records/output.ts';

export interface MtaOptions {
  /** The folder to write to. Null: print. */
  readonly write: string | null;
  readonly force: boolean;
  /** Null: the default of each mail server, and for Postfix no transport. */
  readonly lmtp: string | null;
  /** An address that exists, or true for fred of the default domain: run the tests. Null: print. */
  readonly test: string | true | null;
  /** Of the mail server. Null: that of this machine, or else the newest. */
  readonly release: string | null;
}

/**
 * Prints what to put into each file of a mail server, or writes the files, or runs the tests. Resolves to the exit code.
 * Throws ConfigError if the configuration lacks something that the mail server needs, and CliError if a file exists already.
 */
export async function printMta(
  name: string,
  { write, force, lmtp, test, release }: MtaOptions,
  configuration: Configuration,
): Promise<number> {
  const mta = await (MTAS[name] as (typeof MTAS)[string])(release);
  const endpoint = lmtp === null ? null : parseEndpoint(lmtp);
  const postconf = name === 'postfix' ? readPostconf() : null;
  const setting = readSetting(await configuration.load(), mta, endpoint, postconf);
  if (!('server' in setting)) throw new ConfigError(configuration.name, setting);
  const { file } = configuration;
  const printout = mta.print(file === null || file === MACHINE_FILE ? setting : { ...setting, config: file });
  if (test !== null) {
    const { runInShell, runTests, testsFor } = await import('./mta-test.ts');
    const tests = test === true ? printout.tests : testsFor(test, printout.tests, sample(setting));
    return runTests(tests, runInShell, (text) => process.stdout.write(text));
  }
  const files = [...printout.files, ...(printout.written ?? [])];
  if (write !== null) writeFiles(write, files, force);
  for (const note of [...setting.notes, ...(printout.notes ?? [])]) process.stderr.write(`smmap: note: ${note}\n`);
  process.stdout.write(write === null ? formatPrintout(printout) : formatPlaces(write, { ...printout, files }));
  return 0;
}

/** Everything as one text: a heading with the place of each file, and the tests at the end. */
export function formatPrintout({ files, steps, tests }: Printout): string {
  const parts = files.map(({ name, title, text }) => `${heading(`${name}: ${title}`)}${text}`);
  return [...parts, formatCommands(steps, tests)].join('\n');
}

/** Writes the files to a folder, and creates the folder. Throws CliError if one of them exists already. */
export function writeFiles(dir: string, files: readonly MtaFile[], force: boolean): void {
  for (const { name } of force ? [] : files) {
    const path = join(dir, name);
    if (statSync(path, { throwIfNoEntry: false }) === undefined) continue;
    throw new CliError(
      EXIT.CANNOT_CREATE,
      `${path}: exists already; choose another folder, or overwrite it with --force`,
    );
  }
  makeFolder(dir, 0o777, 'choose another folder');
  for (const { name, text } of files) writeOutput(join(dir, name), text.replace(/\n$/, '').split('\n'));
}

/** Where each written file belongs, and the tests. */
function formatPlaces(dir: string, { files, steps, tests }: Printout): string {
  const places = files.map(({ name, title }) => `${join(dir, name)}: ${title}`);
  return `${places.join('\n')}\n\n${formatCommands(steps, tests)}`;
}

/** As comments: what is printed may be pasted as a whole. */
function formatCommands(steps: readonly string[] | undefined, tests: readonly string[]): string {
  const comments = (commands: readonly string[]): string => commands.map((each) => `# ${each}\n`).join('');
  const before = steps === undefined ? '' : `${heading('then')}${comments(steps)}\n`;
  return `${before}${heading('test')}${comments(tests)}`;
}

function heading(text: string): string {
  return `# ---- ${text} ----\n`;
}
