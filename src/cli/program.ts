import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { CLASSES, type DomainClass, STATES, type State } from '../vocabulary.ts';
import { controlPathOf } from '../socket/endpoint.ts';
import { EXIT } from './error.ts';
import {
  CACHE_COMMANDS,
  CACHE_HELP,
  EXIT_CODES,
  HELP,
  MTA_HELP,
  MTA_NAMES,
  type MtaName,
  PROBE_HELP,
  SERVE_HELP,
} from './help.ts';
import type { ExportOptions, ImportOptions, ProbeOptions, StoreOption } from './options.ts';
import { type Kind, KINDS, type KindName, type Scope } from './keep/kind.ts';
import { defaultPlaces } from './places.ts';
import { packageVersion, report } from './report.ts';

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
    if (!(error instanceof CommanderError)) return report(error);
    return error.exitCode === 0 ? 0 : EXIT.USAGE; // commander has said it
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
    .option('--takeover', 'take the path from a daemon that runs, which then serves its clients until they close')
    .addHelpText('after', SERVE_HELP)
    .action(async (options: { config?: string; listen: string[]; store?: string; takeover?: true }) => {
      const { config = null, listen, store = null, takeover = false } = options;
      const { serve } = await import('./serve.ts');
      exit(await serve({ config, listen, store, takeover }, places, packageVersion()));
    });

  program
    .command('check')
    .summary('check a configuration')
    .description(
      'Checks a configuration without running it: exit code 0, or 78 and a line for each mistake with its remedy; or 65 and a line for each loop of aliases in its stores.',
    )
    .option('-c, --config <file>', 'configuration in TOML (default: none, that is the defaults)')
    .action(async (options: { config?: string }) => {
      const { check } = await import('./check.ts');
      await check(options.config ?? null, places);
    });

  program
    .command('probe')
    .summary('ask a socket map server')
    .description('Asks any socket map server for keys, as an MTA does.')
    .argument('<key...>', 'keys, such as fred@example.org; - reads them from standard input, one a line')
    .option('-s, --server <endpoint>', 'unix:PATH or tcp:HOST:PORT', `unix:${places.socket}`)
    .option('-m, --map <name>', 'the name of the map', 'mailbox')
    .option('-t, --timeout <seconds>', 'how long to wait for a connection and for each reply', parseSeconds, 5)
    .addOption(
      new Option('-p, --protocol <protocol>', 'how the server frames; line is what OpenSMTPD speaks')
        .choices(['netstring', 'line'])
        .default('netstring'),
    )
    .option('--json', 'an object a line: key, reply, error, exitCode, ms')
    .addHelpText('after', PROBE_HELP)
    .action(async (keys: string[], options: ProbeOptions) => {
      const { linesOf, probe } = await import('./probe.ts');
      const asked = keys.length === 1 && keys[0] === '-' ? linesOf(process.stdin) : keys;
      const { server, map, protocol, timeout, json = false } = options;
      exit(await probe(asked, { server, map, protocol, timeoutMs: timeout * 1_000, json }));
    });

  program
    .command('mta')
    .summary('print what goes into the files of a mail server')
    .description('Prints what goes into the files of a mail server, for the maps and listeners of a configuration.')
    .addArgument(new Argument('<name>', 'the mail server, or zmailer or procmail').choices(MTA_NAMES))
    .option('-c, --config <file>', 'configuration in TOML (default: none, that is the defaults)')
    .option('-w, --write <dir>', 'write the files there (default: print all)')
    .option('--force', 'write over files that are there')
    .option('--lmtp <endpoint>', 'where it delivers to, unix:PATH or tcp:HOST:PORT', 'unix:/run/cyrus/socket/lmtp')
    .addHelpText('after', MTA_HELP)
    .action(async (name: MtaName, options: { config?: string; write?: string; force?: true; lmtp: string }) => {
      const { config = null, write = null, force = false, lmtp } = options;
      const { printMta } = await import('./mta.ts');
      printMta(name, { config, write, force, lmtp }, places);
    });

  const control = (): Option =>
    new Option('--control <endpoint>', "the daemon's control socket").default(
      `unix:${controlPathOf(places.socket) ?? places.socket}`,
    );
  program
    .command('stores')
    .summary('tell how the stores of the daemon are')
    .description('Prints a line for each store of the running daemon: what it was asked, and why it does not answer.')
    .addOption(control())
    .option('--json', 'an object a line')
    .action(async (options: { control: string; json?: true }) => {
      const { stores } = await import('./stores.ts');
      exit(await stores({ control: options.control, json: options.json ?? false }));
    });
  const caches = program.command('cache').summary('show or forget what the daemon caches').description(CACHE_HELP);
  for (const name of ['show', 'forget', 'clear'] as const) {
    const { argument, description } = CACHE_COMMANDS[name];
    const command = caches.command(name).description(description).argument(argument).addOption(control());
    command.action(async (names: string[], options: { control: string }) => {
      const { cache } = await import('./cache.ts');
      exit(await cache(name, names, options.control));
    });
  }

  for (const kind of Object.keys(KINDS) as KindName[]) addKind(program, kind, places.store, exit);
  return program;
}

/** What a command does. Each of its arguments is a list; a table is none of them, but in the scope. */
type Act<O> = (scope: Scope, args: readonly string[][], options: O & StoreOption) => Promise<number | void>;
/** Adds --store to a command, and what it does. */
type Define = <O>(command: Command, act: Act<O>) => void;

/** The commands of a kind, which differ in their arguments and formats. */
function addKind(program: Command, kind: KindName, defaultStore: string, exit: (code: number) => void): void {
  const { imports, exports }: Kind = KINDS[kind];
  const help = HELP[kind];
  const parent = program.command(kind).summary(help.summary).description(help.description);
  const [addressed, tabled] = [kind === 'mailbox' || kind === 'alias', kind === 'table'];
  const command = (name: string, description: string): Command => {
    const made = parent.command(name).description(description);
    if (!tabled) return made;
    return made.argument(name === 'list' ? '[table]' : '<table>', 'a name without blanks, such as access', parseTable);
  };
  const define: Define = (made, act) => {
    const store = new Option('-s, --store <dir>', 'folder of the store').argParser((dir) => resolve(dir));
    made.addOption(store.default(defaultStore)).action(async () => {
      const args = (made.processedArgs as (string | string[] | undefined)[]).map((arg = []) => [arg].flat());
      const [table = ''] = (tabled ? args.shift() : undefined) ?? [];
      exit((await act({ kind, table }, args, made.opts())) ?? 0);
    });
  };

  ADD[kind](command('add', help.add).addHelpText('after', help.examples), define);
  define(
    command('remove', `Removes ${help.plural}. Exit code 1 where one was not there.`).argument(`<${help.name}...>`),
    async (scope, [names = []], { store }) => (await import('./keep/records.ts')).remove(scope, names, store),
  );
  const list = command('list', help.list);
  if (addressed) list.option('-d, --domain <domain>', 'only this domain');
  define<{ domain?: string }>(list, async (scope, _, { domain = null, store }) =>
    (await import('./keep/records.ts')).list(scope, domain, store),
  );
  if (kind === 'mailbox') {
    define(
      command('show', 'Prints mailboxes with all that is known of them. Exit code 1 where one is not there.').argument(
        '<address...>',
      ),
      async (_, [addresses = []], { store }) => (await import('./keep/records.ts')).show(addresses, store),
    );
  }

  const format = (names: readonly string[], what: string): Option =>
    new Option('--format <format>', what).choices(names).default(names[0]);
  const importing = command('import', `Adds or changes the ${help.plural} that stand in a file.`)
    .argument('<file>', 'a file, or - for standard input')
    .addOption(format(imports, 'how the file is written'))
    .option('--strict', 'import nothing where a line is bad')
    .option('--replace', 'the file is all there is: remove what is not in it, or change nothing where a line is bad')
    .option('--allow-empty', `an empty file is right: there are no ${help.plural}`)
    .addHelpText('after', help.import);
  if (addressed) importing.option('--default-domain <domain>', 'the domain of names that stand there without one');
  if (kind === 'mailbox') {
    const separator = new Option(
      '--separator <separator>',
      'of folders in format cyrus: . where unixhierarchysep is off',
    );
    importing.addOption(separator.choices(['/', '.']));
  }
  define<ImportOptions>(importing, async (scope, [[file = ''] = []], options) => {
    const { strict = false, replace = false, allowEmpty = false } = options;
    const { readerFor } = await import('./keep/format.ts');
    const reader = readerFor(scope, options.format, {
      '--default-domain': options.defaultDomain,
      '--separator': options.separator,
      '--replace': replace ? '' : undefined,
      '--allow-empty': allowEmpty ? '' : undefined,
    });
    const { importFile } = await import('./keep/import.ts');
    return importFile(scope, file, reader, { strict, replace, allowEmpty }, options.store);
  });

  const exporting = command(
    'export',
    `Prints all ${help.plural}${tabled ? ' of a table' : ''}, or writes a file of them.`,
  )
    .addOption(format(exports, 'how to write them'))
    .option('-o, --output <file>', 'a file to write or replace (default: standard output)')
    .option('--partial', 'what the format cannot express may be missing')
    .addHelpText('after', help.export);
  if (kind === 'mailbox') exporting.option('--route <text>', 'for format fqdnroutes: what stands behind each address');
  define<ExportOptions>(exporting, async (scope, _, { output = null, partial = false, route, store, ...options }) => {
    const { writerFor } = await import('./keep/format.ts');
    const writer = writerFor(scope, options.format, { '--route': route });
    const { exportAll } = await import('./keep/export.ts');
    return exportAll(scope, writer, { output, partial }, store);
  });
}

/** What `add` takes, by kind. */
const ADD: Readonly<Record<KindName, (command: Command, define: Define) => void>> = {
  mailbox(command, define) {
    command
      .argument('<address...>')
      .addOption(
        new Option('-f, --folder <name>', 'to add to each, in any number').argParser(collect).default([], 'none'),
      )
      .addOption(new Option('--state <state>').choices(STATES).default('active'))
      .option('--value <text>', 'what a map with reply = "value" answers (default: as it is)');
    define<{ folder: string[]; state: State; value?: string }>(
      command,
      async (_, [addresses = []], { folder, state, value = null, store }) =>
        (await import('./keep/records.ts')).addMailboxes(addresses, { folders: folder, state, value }, store),
    );
  },
  alias(command, define) {
    command
      .argument('<address>', 'or @example.org, for all in a domain that is nothing else')
      .argument('<target...>', 'addresses, each alone or several with commas between them')
      .option('--replace', 'to these targets only');
    define<{ replace?: true }>(command, async (_, [[address = ''] = [], targets = []], { replace = false, store }) =>
      (await import('./keep/records.ts')).addAlias(address, targets, replace, store),
    );
  },
  domain(command, define) {
    command
      .argument('<domain...>')
      .addOption(new Option('--class <class>', "Postfix's address class").choices(CLASSES).default(CLASSES[0]));
    define<{ class: DomainClass }>(command, async (_, [domains = []], { class: domainClass, store }) =>
      (await import('./keep/records.ts')).addDomains(domains, domainClass, store),
    );
  },
  table(command, define) {
    command.argument('<key>').argument('<value>');
    define(command, async ({ table }, [[key = ''] = [], [value = ''] = []], { store }) =>
      (await import('./keep/records.ts')).addKey(table, key, value, store),
    );
  },
};

function collect(value: string, previous: string[]): string[] {
  return [...previous, value];
}

function parseTable(text: string): string {
  if (text === '' || /[\s\p{Cc}]/u.test(text)) throw new InvalidArgumentError('A table has a name without blanks.');
  return text;
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (!(seconds > 0 && seconds <= 3_600)) throw new InvalidArgumentError('Give seconds, such as 5 or 0.5.');
  return seconds;
}
