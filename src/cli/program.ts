import {
  Argument,
  Command,
  CommanderError,
  Option,
  collect,
  configOption,
  configurationOf,
  parseRelease,
  parseSeconds,
} from './command.ts';
import { CliError, EXIT } from './error.ts';
import {
  CHECK_HELP,
  CONFIG_HELP,
  DOCTOR_HELP,
  EXIT_CODES,
  MTA_HELP,
  SERVE_HELP,
  TABLE_OPENSMTPD_HELP,
} from './help.ts';
import type { MtaCommandOptions } from './options.ts';
import { packageVersion } from './own.ts';
import { report } from './report.ts';

/** Runs a command line. Resolves to the exit code. Errors go to standard error. */
export async function run(argv: readonly string[]): Promise<number> {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(); // `smmap mailbox list | head`
    process.exit(report(new CliError(EXIT.IO, `standard output: cannot be written (${error.message})`)));
  });
  process.stderr.on('error', () => {}); // then nobody can be told
  let exitCode = 0;
  try {
    const [, , first, second] = argv;
    const wantsAll = first === '--version' && second === '--json';
    const version = wantsAll ? (await import('./version.ts')).versionsJson() : packageVersion();
    const exit = (code: number): void => void (exitCode = code);
    const program = await createProgram(first, exit, version);
    await program.parseAsync(withoutHelp(program, argv));
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) return report(error);
    return error.exitCode === 0 ? 0 : EXIT.USAGE; // commander has printed the error
  }
}

/** `smmap help foo` becomes `smmap foo` if there is no such command: commander would print the help of smmap for the first. */
function withoutHelp(program: Command, argv: readonly string[]): string[] {
  const [, , first, second, third] = argv;
  const named = (parent: Command, name: string | undefined): Command | undefined =>
    parent.commands.find((each) => each.name() === name);
  const parent = first === 'help' ? program : named(program, first);
  const [help, name] = first === 'help' ? [first, second] : [second, third];
  const isWrong = help === 'help' && name !== undefined && parent !== undefined && parent.commands.length > 0;
  return argv.filter((word, at) => !(isWrong && named(parent, name) === undefined && word === 'help' && at < 4));
}

type Exit = (code: number) => void;

/** Adds some commands to the program: their options, and their help. */
interface Commands {
  readonly names: readonly string[];
  add(program: Command, exit: Exit): void | Promise<void>;
}

/** All commands, in the order of the help. */
export const COMMANDS: readonly Commands[] = [
  { names: ['serve'], add: addServe },
  { names: ['check'], add: addCheck },
  { names: ['config'], add: addConfig },
  { names: ['doctor'], add: addDoctor },
  {
    names: ['probe', 'explain', 'stores', 'top', 'health', 'reload', 'cache', 'log'],
    add: async (program, exit) => (await import('./asking.ts')).addAsking(program, exit),
  },
  { names: ['diff'], add: async (program, exit) => (await import('./diff/command.ts')).addDiff(program, exit) },
  { names: ['shadow'], add: async (program, exit) => (await import('./shadow/command.ts')).addShadow(program, exit) },
  {
    names: ['conformance'],
    add: async (program, exit) => (await import('./conformance/command.ts')).addConformance(program, exit),
  },
  { names: ['mta'], add: addMta },
  { names: ['table-opensmtpd'], add: addTableOpensmtpd },
  ...(['mailbox', 'alias', 'domain', 'table'] as const).map((kind): Commands => {
    return { names: [kind], add: async (program, exit) => (await import('./kinds.ts')).addKind(program, kind, exit) };
  }),
  { names: ['store'], add: async (program, exit) => (await import('./storage.ts')).addStore(program, exit) },
];

/**
 * The program with the command that `first` names, or with all of them: for the help, and for what commander says about a name
 * that it does not know. A command loads its code only when it runs, so that `smmap --version` and `smmap probe` start at once.
 */
export async function createProgram(
  first?: string,
  exit: Exit = () => {},
  version = packageVersion(),
): Promise<Command> {
  const program = new Command('smmap')
    .description('Tells a mail server whether a mailbox exists, while the SMTP client is still waiting.')
    .version(version, '-V, --version', 'print the version; --version --json: also those of what it runs with')
    .exitOverride()
    .showSuggestionAfterError()
    .addHelpText('after', EXIT_CODES);
  const named = COMMANDS.filter(({ names }) => names.includes(first ?? ''));
  for (const each of named.length > 0 || first === '--version' ? named : COMMANDS) await each.add(program, exit);
  return program;
}

function addServe(program: Command, exit: Exit): void {
  program
    .command('serve')
    .summary('run the daemon')
    .description(
      'Runs the daemon until SIGTERM or SIGINT. Without a configuration it uses defaults, and prints where it listens.',
    )
    .addOption(configOption())
    .addOption(
      new Option(
        '-l, --listen <endpoint>',
        'unix:PATH or tcp:HOST:PORT, may be repeated; replaces the listeners of the configuration',
      )
        .argParser(collect)
        .default([], 'those of the configuration'),
    )
    .option('-s, --store <dir>', 'folder of an embedded store; replaces the stores of the configuration')
    .option('--takeover', 'take over the path of a running daemon, which then serves its clients until they close')
    .addHelpText('after', SERVE_HELP)
    .action(async (options: { config?: string; listen: string[]; store?: string; takeover?: true }) => {
      const { listen, store = null, takeover = false } = options;
      const { serve } = await import('./serve.ts');
      exit(await serve({ listen, store, takeover }, await configurationOf(options), packageVersion()));
    });
}

function addCheck(program: Command, exit: Exit): void {
  program
    .command('check')
    .summary('check a configuration')
    .description(
      'Checks a configuration, the files that it names and the embedded stores, without running it. Exit code 0, or 78 with a line for each mistake and its remedy, or 65 with a line for each problem in the stores, such as a loop of aliases. Root checks files with the rights of the user of smmap.service.',
    )
    .addOption(configOption())
    .option('--stores', 'also connect to each store, run each query once and look for the canaries')
    .option(
      '--user <name>',
      'whose rights to check; only root may name another user (default: the user of smmap.service)',
    )
    .option(
      '--json',
      'print JSON, an object a line: severity, where, reason, remedy, commands, exitCode; at the end a summary',
    )
    .addHelpText('after', CHECK_HELP)
    .action(async (options: { config?: string; json?: true; stores?: true; user?: string }) => {
      const { check } = await import('./check.ts');
      const { json = false, stores = false, user = null } = options;
      exit(await check(await configurationOf(options), { json, stores, user }));
    });
}

function addConfig(program: Command): void {
  program
    .command('config')
    .summary('print the configuration in force')
    .description('Prints every key of the configuration with its value, as a file that smmap reads.')
    .addOption(configOption())
    .option('--diff', 'only what differs from the defaults')
    .option('--json', 'print JSON')
    .addHelpText('after', CONFIG_HELP)
    .action(async (options: { config?: string; diff?: true; json?: true }) => {
      const { printConfig } = await import('./config.ts');
      const { diff = false, json = false } = options;
      await printConfig(await configurationOf(options), { diff, json });
    });
}

function addDoctor(program: Command, exit: Exit): void {
  program
    .command('doctor')
    .summary('find what is wrong on this machine')
    .description(
      'Looks at the configuration, the running daemon, the mail servers of this machine and SELinux, as root. Prints each problem with the commands that mend it. Changes nothing.',
    )
    .addOption(configOption())
    .option(
      '--json',
      'print JSON, an object a line: severity, where, reason, remedy, commands, exitCode; at the end a summary',
    )
    .addHelpText('after', DOCTOR_HELP)
    .action(async (options: { config?: string; json?: true }) => {
      const { doctor } = await import('./doctor/doctor.ts');
      exit(await doctor(await configurationOf(options), options.json ?? false));
    });
}

async function addMta(program: Command, exit: Exit): Promise<void> {
  const { MTAS } = await import('../mta/mtas.ts');
  program
    .command('mta')
    .summary('print the configuration for a mail server')
    .description('Prints what to put into the files of a mail server, for the maps and listeners of a configuration.')
    .addArgument(new Argument('<name>', 'the mail server').choices(Object.keys(MTAS)))
    .addOption(configOption())
    .option('-w, --write <dir>', 'write the files to this folder (default: print them)')
    .option('--force', 'overwrite existing files')
    .option('--lmtp <endpoint>', 'the LMTP server that gets the mail, unix:PATH or tcp:HOST:PORT')
    .option(
      '--release <release>',
      'of OpenSMTPD, which asks in another way since 7.6 (default: that of this machine, or else the newest)',
      parseRelease,
    )
    .addOption(
      new Option('--test [address]', 'run the tests instead, with an address that exists (default: fred)').conflicts(
        'write',
      ),
    )
    .addHelpText('after', MTA_HELP)
    .action(async (name: string, options: MtaCommandOptions) => {
      const { write = null, force = false, lmtp = null, test = null, release = null } = options;
      const { printMta } = await import('./mta.ts');
      exit(await printMta(name, { write, force, lmtp, test, release }, await configurationOf(options)));
    });
}

function addTableOpensmtpd(program: Command, exit: Exit): void {
  program
    .command('table-opensmtpd')
    .summary('hold a table of OpenSMTPD 7.6 or newer')
    .description(
      'Is started by smtpd for a table, as /usr/libexec/opensmtpd/table-smmap. Asks the daemon, in the map that has the name of the table, what smtpd asks on standard input.',
    )
    .argument('[server]', 'unix:PATH, tcp:HOST:PORT or a path', 'unix:/run/smmap/smmap.sock')
    .option('-t, --timeout <seconds>', 'how long to wait for the connection and for each reply', parseSeconds, 5)
    .addHelpText('after', TABLE_OPENSMTPD_HELP)
    .action(async (server: string, { timeout }: { timeout: number }) => {
      const { tableOpensmtpd } = await import('./table-opensmtpd.ts');
      const pipes = { input: process.stdin, output: process.stdout };
      exit(await tableOpensmtpd({ server, timeoutMs: timeout * 1_000 }, pipes));
    });
}
