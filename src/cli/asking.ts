import { type Command, configOption, configurationOf, Option, parseSeconds } from './command.ts';
import {
  CACHE_COMMANDS,
  CACHE_HELP,
  EXPLAIN_HELP,
  HEALTH_HELP,
  PROBE_HELP,
  RELEASE_HELP,
  RELOAD_HELP,
  REVEAL_HELP,
  TOP_HELP,
} from './help.ts';
import type { ControlOption, ExplainOptions, ProbeOptions } from './options.ts';
import { secretFileOf } from './places.ts';

/** Adds the commands that ask a running daemon, or read its log. */
export function addAsking(program: Command, exit: (code: number) => void): void {
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
          ? await (await configurationOf(options)).server(wanted)
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

  const control = (): Option =>
    new Option('--control <endpoint>', 'the control socket of the daemon (default: as the configuration says)');
  const controlOf = async (options: ControlOption): Promise<string> =>
    options.control ?? (await configurationOf(options)).control();
  /** In a service, that of the worker. The daemon, or smmap check, names the mistakes of the file. */
  const ownControlOf = async (options: ControlOption): Promise<string> => {
    const { controlOfService } = await import('./keeper.ts');
    return options.control ?? controlOfService(process.env) ?? (await configurationOf(options)).control(true);
  };
  const storesCommand = program
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
  storesCommand
    .command('release')
    .summary('take a list that is held back because many records are gone')
    .description(
      'Has the running daemon take the new list of a file or cyrus store, which it holds back because many records are gone. Prints how many, and some of them.',
    )
    .argument('<name>', 'the name of the store')
    .addOption(control())
    .addOption(configOption())
    .addHelpText('after', RELEASE_HELP)
    .action(async (name: string, _: ControlOption, command: Command) => {
      const { release } = await import('./stores.ts');
      exit(await release(name, await controlOf(command.optsWithGlobals()))); // `smmap stores` takes the same options
    });
  program
    .command('top')
    .summary('watch what the running daemon does')
    .description(
      'Shows what the running daemon answers, why it refuses and defers, and how its stores are, each second anew.',
    )
    .addOption(control())
    .addOption(configOption())
    .option('--once', 'print it once, of one second, and end')
    .addOption(new Option('--json', 'the same as --once, but print JSON, an object').implies({ once: true }))
    .addHelpText('after', TOP_HELP)
    .action(async (options: ControlOption & { once?: true; json?: true }) => {
      const { top } = await import('./top/top.ts');
      const { once = false, json = false } = options;
      exit(await top({ control: await controlOf(options), once, json }));
    });
  program
    .command('health')
    .summary('see whether the running daemon is healthy')
    .description('Asks the running daemon whether every listener has its path, and whether its stores can be believed.')
    .addOption(control())
    .addOption(configOption())
    .option('--ready', 'fail also if a canary fails, or a store was never filled')
    .option('--json', 'print JSON, an object with healthy, ready, unhealthy, unready and exitCode')
    .addHelpText('after', HEALTH_HELP)
    .action(async (options: ControlOption & { ready?: true; json?: true }) => {
      const { health } = await import('./health.ts');
      const { ready = false, json = false } = options;
      exit(await health({ control: await ownControlOf(options), ready, json }));
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
      const { reload } = await import('./reload.ts');
      exit(await reload(await ownControlOf(options)));
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
    .summary('read the log of the daemon')
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
}
