import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { ConfigError } from '../config/config.ts';
import { EndpointError } from '../socket/endpoint.ts';
import { CliError, EXIT } from './error.ts';
import { defaultPlaces } from './places.ts';

const EXIT_CODES = `
Exit codes: 0 done, 64 usage, 65 bad input, 70 a bug, 73 cannot listen, 74 cannot read or write, 78 configuration.`;

const PROBE_HELP = `
Prints KEY<TAB>REPLY for each key, and exits with the worst of the replies:
  0 all OK, 1 some NOTFOUND, 75 some TEMP or TIMEOUT (or no reply in time), 69 some PERM,
  76 a reply that breaks the protocol, 74 no connection.

Examples:
  smmap probe fred@example.org
  smmap probe --server tcp:127.0.0.1:2004 --map cyrus fred+lists@example.org
  smmap mailbox list | smmap probe - | grep -v 'OK'`;

const IMPORT_HELP = `
One mailbox a line, with its state and folders behind it; blank lines and lines that start with # are left out:
  fred@example.org
  "quo ted"@example.org state=overquota
  joe@example.org folder=lists folder="with space" state=disabled

A line replaces the mailbox of that address. Readers see all of an import or nothing of it, however it ends.
A bad line is reported with its number; the good ones are imported, or with --strict nothing is (exit code 65 in both cases).
An import adds and replaces, and removes nothing: see smmap mailbox remove.

With --format cyrus the file is what ctl_mboxlist -d of Cyrus 3 prints (docs/cyrus.md). One that was cut off is refused as a whole:
  su cyrus -s /bin/sh -c 'ctl_mboxlist -d' | smmap mailbox import --format cyrus --default-domain example.org -`;

/** Runs the command line. Resolves to the exit code; what went wrong is on standard error. */
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
    return report(error);
  }
}

/** What a command loads only when it is run, so that `smmap --version` and `smmap probe` start at once. */
function createProgram(exit: (code: number) => void): Command {
  const places = defaultPlaces(process.env, process.getuid?.() ?? -1, homedir());
  const program = new Command('smmap')
    .description('Tells a mail server whether a mailbox exists, while the SMTP client is still waiting.')
    .version(packageVersion())
    .exitOverride()
    .showSuggestionAfterError()
    .addHelpText('after', EXIT_CODES);

  program
    .command('serve')
    .summary('run the daemon')
    .description('Runs the daemon until SIGTERM or SIGINT. Without a file it runs on defaults, and prints where.')
    .option('-c, --config <file>', 'configuration in TOML; systemd/smmap.toml shows every key with its default')
    .addOption(
      new Option(
        '-l, --listen <endpoint>',
        "unix:PATH or tcp:HOST:PORT, in any number, instead of the file's listeners",
      )
        .argParser(collect)
        .default([], `unix:${places.socket}`),
    )
    .option('-s, --store <dir>', `an embedded store, instead of the file's stores (default: ${places.store})`)
    .action(async (options: { config?: string; listen: string[]; store?: string }) => {
      const { serve } = await import('./serve.ts');
      exit(
        await serve(
          { config: options.config ?? null, listen: options.listen, store: options.store ?? null },
          places,
          packageVersion(),
        ),
      );
    });

  program
    .command('check')
    .summary('check a configuration')
    .description(
      'Checks a configuration without running it: exit code 0, or 78 and a line for each mistake with its remedy.',
    )
    .option('-c, --config <file>', 'configuration in TOML (default: none, that is the defaults)')
    .action(async (options: { config?: string }) => {
      const { check } = await import('./check.ts');
      check(options.config ?? null, places);
    });

  program
    .command('probe')
    .summary('ask a socket map server')
    .description('Asks any socket map server for keys, as an MTA does.')
    .argument('<key...>', 'keys, such as fred@example.org; - reads them from standard input, one a line')
    .option('-s, --server <endpoint>', 'unix:PATH or tcp:HOST:PORT', `unix:${places.socket}`)
    .option('-m, --map <name>', 'the name of the map', 'mailbox')
    .option('-t, --timeout <seconds>', 'how long to wait for a connection and for each reply', parseSeconds, 5)
    .option('--json', 'an object a line: key, reply, error, exitCode, ms')
    .addHelpText('after', PROBE_HELP)
    .action(async (keys: string[], options: { server: string; map: string; timeout: number; json?: true }) => {
      const { linesOf, probe } = await import('./probe.ts');
      const asked = keys.length === 1 && keys[0] === '-' ? linesOf(process.stdin) : keys;
      const { server, map, timeout, json = false } = options;
      exit(await probe(asked, { server, map, timeoutMs: timeout * 1_000, json }));
    });

  addMailboxCommands(
    program
      .command('mailbox')
      .summary('keep the embedded store')
      .description('Keeps the mailboxes of the embedded store.'),
    places.store,
    exit,
  );
  return program;
}

function addMailboxCommands(mailbox: Command, defaultStore: string, exit: (code: number) => void): void {
  const store = (): Option =>
    new Option('-s, --store <dir>', 'folder of the store').default(defaultStore).argParser((dir) => resolve(dir));

  mailbox
    .command('add')
    .description(
      'Adds mailboxes; one that is there gets the state, and the folders besides its own. A running daemon answers them at its next lookup.',
    )
    .argument('<address...>', 'such as fred@example.org or \'"quo ted"@example.org\'')
    .addOption(
      new Option('-f, --folder <name>', 'a folder to add to each, in any number')
        .argParser(collect)
        .default([], 'none'),
    )
    .addOption(new Option('--state <state>').choices(['active', 'disabled', 'overquota']).default('active'))
    .addOption(store())
    .action(async (addresses: string[], options: { folder: string[]; state: string; store: string }) =>
      (await mailboxCommands()).add(addresses, options.folder, options.state, options.store),
    );
  mailbox
    .command('remove')
    .description('Removes mailboxes. Exit code 1 where one was not there.')
    .argument('<address...>')
    .addOption(store())
    .action(async (addresses: string[], options: { store: string }) =>
      exit(await (await mailboxCommands()).remove(addresses, options.store)),
    );
  mailbox
    .command('list')
    .description('Prints the addresses, ordered by domain.')
    .option('-d, --domain <domain>', 'only this domain')
    .addOption(store())
    .action(async (options: { domain?: string; store: string }) =>
      (await mailboxCommands()).list(options.domain ?? null, options.store),
    );
  mailbox
    .command('show')
    .description('Prints mailboxes with their states and folders. Exit code 1 where one is not there.')
    .argument('<address...>')
    .addOption(store())
    .action(async (addresses: string[], options: { store: string }) =>
      exit(await (await mailboxCommands()).show(addresses, options.store)),
    );
  mailbox
    .command('import')
    .description('Adds or changes the mailboxes that stand in a file.')
    .argument('<file>', 'a file, or - for standard input')
    .option('--strict', 'import nothing where a line is bad')
    .addOption(new Option('--format <format>', 'how the file is written').choices(['list', 'cyrus']).default('list'))
    .option('--default-domain <domain>', 'defaultdomain of imapd.conf, for --format cyrus')
    .addOption(
      new Option('--separator <separator>', 'for --format cyrus: . where unixhierarchysep of imapd.conf is off')
        .choices(['/', '.'])
        .default('/'),
    )
    .addOption(store())
    .addHelpText('after', IMPORT_HELP)
    .action(async (file: string, options: ImportOptions) => {
      const { readFormat } = await import('./source.ts');
      const format = readFormat(options.format, options.defaultDomain ?? null, options.separator);
      exit(await (await mailboxCommands()).importFile(file, format, options.strict === true, options.store));
    });
  mailbox
    .command('export')
    .description('Prints all mailboxes as import reads them.')
    .addOption(store())
    .action(async (options: { store: string }) => (await mailboxCommands()).exportAll(options.store));
}

interface ImportOptions {
  readonly strict?: true;
  readonly format: 'list' | 'cyrus';
  readonly defaultDomain?: string;
  readonly separator: '/' | '.';
  readonly store: string;
}

/** Says what went wrong, and gives the exit code for it. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.USAGE; // commander has said it
  if (error instanceof CliError) return say(error.message, error.exitCode);
  if (error instanceof ConfigError) return say(error.message, EXIT.CONFIG);
  if (error instanceof EndpointError) return say(error.message, EXIT.USAGE);
  return say(`a bug, please report it: ${error instanceof Error ? error.stack : String(error)}`, EXIT.BUG);
}

function say(message: string, exitCode: number): number {
  for (const line of message.split('\n')) process.stderr.write(`smmap: ${line}\n`);
  return exitCode;
}

function mailboxCommands(): Promise<typeof import('./mailbox.ts')> {
  return import('./mailbox.ts');
}

function collect(value: string, previous: string[]): string[] {
  return [...previous, value];
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (!(seconds > 0 && seconds <= 3_600)) throw new InvalidArgumentError('Give seconds, such as 5 or 0.5.');
  return seconds;
}

function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
