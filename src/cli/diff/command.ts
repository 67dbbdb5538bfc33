import { collect, type Command, configOption, configurationOf, Option } from '../command.ts';
import { DIFF_HELP } from '../help.ts';
import type { DiffOptions } from '../options.ts';

/** Adds the command that compares two places. */
export function addDiff(program: Command, exit: (code: number) => void): void {
  program
    .command('diff')
    .summary('compare what two stores answer, before a migration')
    .description(
      'Asks two stores, or a store and a table of Postfix, for the same addresses. Prints a line for each that differs, and the counts on standard error.',
    )
    .argument(
      '[list]',
      'a file with addresses, one a line, or - for standard input (default: all records of the first store)',
    )
    .addOption(
      new Option('-s, --store <name>', 'a store of the configuration; give it twice')
        .argParser(collect)
        .default([], 'none'),
    )
    .option('-w, --with <postmap:type:file>', 'a table of Postfix instead of a second store, asked by postmap(1)')
    .option('-m, --map <name>', 'the map whose options count', 'mailbox')
    .addOption(configOption())
    .option('--json', 'print JSON, an object a line: key, result, a, b; at the end the counts')
    .addHelpText('after', DIFF_HELP)
    .action(async (list: string | undefined, options: DiffOptions) => {
      const { diff } = await import('./diff.ts');
      const { store: stores, with: other = null, map, json = false } = options;
      const config = await (await configurationOf(options)).load();
      exit(await diff({ stores, other, map, list: list ?? null, json }, config));
    });
}
