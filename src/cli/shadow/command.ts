import { type Command, InvalidArgumentError, configOption, configurationOf, parseCount } from '../command.ts';
import { SHADOW_HELP, SHADOW_REPORT_HELP } from '../help.ts';
import type { ShadowOptions } from '../options.ts';
import { shadowFileOf } from '../places.ts';

const MOST_SHOWN = 100;
const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const FILE = 'the records of the daemon (default: shadow.jsonl in its state directory)';

/** Adds the commands that read what maps in shadow would have said. */
export function addShadow(program: Command, exit: (code: number) => void): void {
  const shadow = program
    .command('shadow')
    .summary('see what a map in shadow would refuse')
    .description('Reads what the maps in shadow would have refused and deferred. No daemon needs to run.')
    .addHelpText('after', SHADOW_HELP);
  shadow
    .command('report')
    .description('Sums up what the maps in shadow would have refused and deferred, with what to look at first on top.')
    .option('--since <time>', 'only what was asked in this time, such as 30m, 24h or 7d (default: all)', parseTime)
    .option('-m, --map <name>', 'only this map (default: all)')
    .option('--limit <count>', 'how many addresses to print', parseCount, MOST_SHOWN)
    .option('--file <file>', FILE)
    .addOption(configOption())
    .option('--json', 'print JSON, an object a line: group, key, would, reason, count ...; at the end a summary')
    .addHelpText('after', SHADOW_REPORT_HELP)
    .action(async (options: ShadowOptions & { limit: number }) => {
      const { reportShadow } = await import('./report.ts');
      const configuration = await configurationOf(options);
      const { since = null, map = null, limit, json = false } = options;
      const file = options.file ?? shadowFileOf(configuration.places);
      exit(await reportShadow({ file, sinceMs: since, map, limit, json }, configuration));
    });
  shadow
    .command('clear')
    .description('Removes what was kept, to begin anew.')
    .option('--file <file>', FILE)
    .addOption(configOption())
    .action(async (options: ShadowOptions) => {
      const { clearShadow } = await import('./report.ts');
      exit(clearShadow(options.file ?? shadowFileOf((await configurationOf(options)).places)));
    });
}

/** A time such as `24h`, in milliseconds. */
function parseTime(text: string): number {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const ms = Number(count) * (UNITS[unit] ?? NaN);
  if (!(ms > 0)) throw new InvalidArgumentError('Give a time such as 30m, 24h or 7d.');
  return ms;
}
