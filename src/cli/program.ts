import { MTAS } from '../mta/mtas.ts';
import {
  Argument,
  Command,
  CommanderError,
  collect,
  configOption,
  configurationOf,
  Option,
  parseSeconds,
} from './command.ts';
import { EXIT } from './error.ts';
import {
  CACHE_COMMANDS,
  CACHE_HELP,
  CHECK_HELP,
  CONFIG_HELP,
  DOCTOR_HELP,
  EXIT_CODES,
  EXPLAIN_HELP,
  MTA_HELP,
  PROBE_HELP,
  RELOAD_HELP,
  REVEAL_HELP,
  SERVE_HELP,
} from './help.ts';
import { KINDS, type KindName } from './records/kind.ts';
import { addKind } from './kinds.ts';
import type { ControlOption, ExplainOptions, MtaCommandOptions, ProbeOptions } from './options.ts';
import { secretFileOf } from './places.ts';
import { packageVersion, report } from './report.ts';
import { addStore } from './storage.ts';

/** Runs a command line. Resolves to the exit code. Errors go to standard error. */
export async function run(argv: readonly string[]): Promise<number> {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(); // `smmap mailbox list | head`
    throw error;
  });
  let exitCode = 0;
  try {
    await createProgram((code) => {
      exitCode = code;
    }).parseAsync([...argv]);
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) return report(error);
    return error.exitCode === 0 ? 0 : EXIT.USAGE; // commander has printed the error
  }
}

/** A command loads its code only when it runs, so that `smmap --version` and `smmap probe` start at once. */
function createProgram(exit: (code: number) => void): Command {
  const program = new Command('smmap')
    .description('Tells a mail server whether a mailbox exists, while the SMTP client is still waiting.')
    .version(packageVersion())
    .exitOverride()
    .showSuggestionAfterError()
    .addHelpText('after', EXIT_CODES);

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
      printConfig(await configurationOf(options), { diff, json });
    });

  program
    .command('doctor')
    .summary('find what is wrong on this machine')
    .description(
      'Looks at the configuration, the running daemon, and Postfix on this machine, as root. Prints each problem with the commands that mend it. Changes nothing.',
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

  program
    .command('probe')
    .summary('ask a socket map server')
    .description('Asks any socket map server for keys, as a mail server does.')
    .argument('<key...>', 'keys, such as fred@example.org; - reads keys from standard input, one a line')
    .option('-s, --server <endpoint>', 'unix:PATH or tcp:HOST:PORT (default: the first listener of the configuration)')
    .addOption(configOption())
    .option('-m, --map <name>', 'the name of the map', 'mailbox')
    .option('-t, --timeout <seconds>', 'how long to wait for the connection and for each reply', parseSeconds, 5)
    .addOption(
      new Option(
        '-p, --protocol <protocol>',
        'the framing of the server; line is that of OpenSMTPD (default: that of the listener, or netstring)',
      ).choices(['netstring', 'line']),
    )
    .option('--json', 'print JSON, an object a line: key, reply, error, exitCode, ms')
    .addHelpText('after', PROBE_HELP)
    .action(async (keys: string[], options: ProbeOptions) => {
      const { linesOf, probe } = await import('./probe.ts');
      const asked = keys.length === 1 && keys[0] === '-' ? linesOf(process.stdin) : keys;
      const { server: given, map, protocol: wanted = null, timeout, json = false } = options;
      const { server, protocol } =
        given === undefined
          ? (await configurationOf(options)).server(wanted)
          : { server: given, protocol: wanted ?? 'netstring' };
      exit(await probe(asked, { server, map, protocol, timeoutMs: timeout * 1_000, json }));
    });

  program
    .command('explain')
    .summary('show how a key is answered, and why')
    .description('Asks the running daemon for a key, and prints step by step how it decides.')
    .argument('<key>', 'a key, such as fred@example.org')
    .option('-m, --map <name>', 'the name of the map', 'mailbox')
    .addOption(configOption())
    .option('--control <endpoint>', 'the control socket of the daemon (default: that of the configuration)')
    .option('--offline', 'do not ask a daemon: open the stores of the configuration, and answer here, without a cache')
    .option('-t, --timeout <seconds>', 'how long to wait for the daemon', parseSeconds, 30)
    .option('--json', 'print JSON, an object with steps, reply, exitCode, mta and hints')
    .addHelpText('after', EXPLAIN_HELP)
    .action(async (key: string, options: ExplainOptions) => {
      const { control: socket = null, offline = false, json = false, map, timeout } = options;
      const { explain } = await import('./explain.ts');
      const asked = { map, control: socket, offline, json, timeoutMs: timeout * 1_000 };
      exit(await explain(key, asked, await configurationOf(options)));
    });

  program
    .command('mta')
    .summary('print the configuration for a mail server')
    .description('Prints what to put into the files of a mail server, for the maps and listeners of a configuration.')
    .addArgument(new Argument('<name>', 'the mail server').choices(Object.keys(MTAS)))
    .addOption(configOption())
    .option('-w, --write <dir>', 'write the files to this folder (default: print them)')
    .option('--force', 'overwrite existing files')
    .option('--lmtp <endpoint>', 'the LMTP server that gets the mail, unix:PATH or tcp:HOST:PORT')
    .addOption(
      new Option('--test [address]', 'run the tests instead, with an address that exists (default: fred)').conflicts(
        'write',
      ),
    )
    .addHelpText('after', MTA_HELP)
    .action(async (name: string, options: MtaCommandOptions) => {
      const { write = null, force = false, lmtp = null, test = null } = options;
      const { printMta } = await import('./mta.ts');
      exit(await printMta(name, { write, force, lmtp, test }, await configurationOf(options)));
    });

  const control = (): Option =>
    new Option('--control <endpoint>', 'the control socket of the daemon (default: as the configuration says)');
  const controlOf = async (options: ControlOption): Promise<string> =>
    options.control ?? (await configurationOf(options)).control();
  program
    .command('stores')
    .summary('show the stores of the running daemon')
    .description('Prints a line for each store of the running daemon: its counters, and whether it answers or why not.')
    .addOption(control())
    .addOption(configOption())
    .option('--json', 'print JSON, an object a line')
    .action(async (options: ControlOption & { json?: true }) => {
      const { stores } = await import('./stores.ts');
      exit(await stores({ control: await controlOf(options), json: options.json ?? false }));
    });
  program
    .command('reload')
    .summary('make the running daemon use its configuration as it is now')
    .description(
      'Has the running daemon read its configuration again, and waits until it is in use. Prints what changed. No connection is closed.',
    )
    .addOption(control())
    .addOption(configOption())
    .addHelpText('after', RELOAD_HELP)
    .action(async (options: ControlOption) => {
      const [{ reload }, { controlOfService }] = await Promise.all([import('./reload.ts'), import('./keeper.ts')]);
      exit(await reload(options.control ?? controlOfService(process.env) ?? (await controlOf(options))));
    });
  const caches = program.command('cache').summary('show or forget what the daemon caches').description(CACHE_HELP);
  for (const name of ['show', 'forget', 'clear'] as const) {
    const { argument, description } = CACHE_COMMANDS[name];
    const command = caches.command(name).description(description).argument(argument).addOption(control());
    command.addOption(configOption()).action(async (names: string[], options: ControlOption) => {
      const { cache } = await import('./cache.ts');
      exit(await cache(name, names, await controlOf(options)));
    });
  }

  program
    .command('log')
    .description('Reads the log of the daemon.')
    .command('reveal')
    .summary('show what the hashes in a log stand for')
    .description(
      'Prints what hashes of the log stand for. Without a hash, copies standard input with every hash in it revealed.',
    )
    .argument('[hash...]', 'hashes, such as hash:q1ZtUx...')
    .option('--secret <file>', 'the secret of the daemon (default: log-secret in its state directory)')
    .addOption(configOption())
    .addHelpText('after', REVEAL_HELP)
    .action(async (hashes: string[], options: { config?: string; secret?: string }) => {
      const { reveal } = await import('./reveal.ts');
      const secret = options.secret ?? secretFileOf((await configurationOf(options)).places);
      exit(await reveal(hashes, secret));
    });

  for (const kind of Object.keys(KINDS) as KindName[]) addKind(program, kind, exit);
  addStore(program, exit);
  return program;
}
