import { CLASSES, type DomainClass, STATES, type State } from '../vocabulary.ts';
import {
  type Command,
  collect,
  configOption,
  configurationOf,
  Option,
  parseCount,
  parseTable,
  storeOption,
  waitOption,
} from './command.ts';
import { HELP, REMOVE_ALIAS_HELP } from './kinds-help.ts';
import type { ExportOptions, ImportOptions, ListOptions, StoreOption, WaitOption } from './options.ts';
import type { ChangeRules } from './records/access.ts';
import { type Kind, KINDS, type KindName, type Scope } from './records/kind.ts';

/** What a command does. Each of its arguments is a list. A table is not an argument, but part of the scope. */
type Act<O> = (
  scope: Scope,
  args: readonly string[][],
  options: O & { readonly store: string },
) => Promise<number | void>;
/** Adds --store, --config and the action to a command. */
type Define = <O>(command: Command, act: Act<O>) => void;

/** The options of a command that changes records. */
interface ChangeOptions extends WaitOption {
  readonly json?: boolean;
}

function rulesOf({ json = false, wait }: ChangeOptions): ChangeRules {
  return { json, waitMs: wait };
}

const RESULTS = 'print what became of each, as JSON, an object a line: name, result';

/** Adds the commands of a kind, which differ in their arguments and formats. */
export function addKind(program: Command, kind: KindName, exit: (code: number) => void): void {
  const { imports, exports }: Kind = KINDS[kind];
  const help = HELP[kind];
  const parent = program.command(kind).summary(help.summary).description(help.description);
  const [addressed, tabled] = [kind === 'mailbox' || kind === 'alias', kind === 'table'];
  const command = (name: string, description: string): Command => {
    const made = parent.command(name).description(description);
    if (!tabled) return made;
    return made.argument(name === 'list' ? '[table]' : '<table>', 'name of the table, such as access', parseTable);
  };
  const define: Define = (made, act) => {
    made.addOption(storeOption()).addOption(configOption());
    made.action(async () => {
      const args = (made.processedArgs as (string | string[] | undefined)[]).map((arg = []) => [arg].flat());
      const [table = ''] = (tabled ? args.shift() : undefined) ?? [];
      const options = made.opts<Parameters<typeof act>[2] & StoreOption>();
      const store = options.store ?? (await (await configurationOf(options)).store());
      exit((await act({ kind, table }, args, { ...options, store })) ?? 0);
    });
  };

  const adding = command('add', help.add).option('--json', RESULTS).addOption(waitOption());
  ADD[kind](adding.addHelpText('after', help.examples), define);
  const removing = command('remove', `Removes ${help.plural}. Exit code 1 if one does not exist.`);
  removing.argument(`<${help.name}...>`).option('--json', RESULTS).addOption(waitOption());
  if (kind === 'alias') {
    const target = new Option('-t, --target <target>', 'remove only this target from each alias, may be repeated');
    removing
      .addOption(target.argParser(collect).default([], 'the whole alias'))
      .addHelpText('after', REMOVE_ALIAS_HELP);
  }
  define<ChangeOptions & { target?: string[] }>(
    removing,
    async (scope, [names = []], { target = [], store, ...options }) => {
      const { remove, removeTargets } = await import('./records/remove.ts');
      const rules = rulesOf(options);
      return target.length > 0 ? removeTargets(names, target, store, rules) : remove(scope, names, store, rules);
    },
  );
  const list = command('list', help.list);
  if (addressed) list.option('-d, --domain <domain>', 'only this domain');
  if (kind === 'domain')
    list.option('--all', 'also the alias_domains of the configuration, with the class of their domain');
  define<ListOptions>(list, async (scope, _, { domain = null, all = false, store, config }) => {
    const { aliasDomainsOf } = await import('../map/kinds.ts');
    const maps = all ? (await (await configurationOf({ config })).load()).maps.values() : [];
    const { list: print } = await import('./records/show.ts');
    return print(scope, { domain, aliasDomains: aliasDomainsOf(maps) }, store);
  });
  const showing = command('show', `Prints ${help.plural} with all details. Exit code 1 if one does not exist.`);
  define(showing.argument(`<${help.name}...>`), async (scope, [names = []], { store }) =>
    (await import('./records/show.ts')).show(scope, names, store),
  );

  const format = (names: readonly string[], what: string): Option =>
    new Option('--format <format>', what).choices(names).default(names[0]);
  const importing = command('import', `Adds or changes ${help.plural} from a file.`)
    .argument('<file>', 'a file, or - for standard input')
    .addOption(format(imports, 'format of the file'))
    .option('--strict', 'import nothing if a line is bad')
    .option(
      '--replace',
      `the file is complete: remove ${help.plural} that are not in it; change nothing if a line is bad`,
    )
    .option('--allow-empty', `accept an empty file: there are no ${help.plural}`)
    .option(
      '--allow-removals <number>',
      `with --replace: the most ${help.plural} to remove (default: ten, or a tenth of them)`,
      parseCount,
    )
    .option('--allow-unended', 'with --replace or --strict: accept a last line without a line feed')
    .option('--json', 'print how many were added, changed, removed and unchanged, as JSON')
    .option('--dry-run', 'print what would be added, changed and removed, and change nothing')
    .addOption(waitOption())
    .addHelpText('after', help.import);
  if (addressed) importing.option('--default-domain <domain>', 'domain of the names that have none');
  if (kind === 'mailbox') {
    const separator = new Option(
      '--separator <separator>',
      'folder separator for format cyrus: . if unixhierarchysep is off',
    );
    importing.addOption(separator.choices(['/', '.']));
  }
  define<ImportOptions>(importing, async (scope, [[file = ''] = []], options) => {
    const { strict = false, replace = false, allowEmpty = false, allowUnended = false, dryRun = false } = options;
    const { allowRemovals = null } = options;
    if (allowRemovals !== null && !replace) importing.error('error: --allow-removals needs --replace');
    const { readerFor } = await import('./records/format.ts');
    const reader = readerFor(scope, options.format, {
      '--default-domain': options.defaultDomain,
      '--separator': options.separator,
      '--replace': replace ? '' : undefined,
      '--allow-empty': allowEmpty ? '' : undefined,
    });
    const { importFile } = await import('./records/import.ts');
    const { beginStore } = await import('./records/access.ts');
    const begin = async (): Promise<void> => {
      if (importing.opts<StoreOption>().store === undefined) return;
      await beginStore(options.store, async () => (await configurationOf(importing.opts())).store());
    };
    const rules = { strict, replace, allowEmpty, allowUnended, allowRemovals, dryRun, begin, ...rulesOf(options) };
    return importFile(scope, file, reader, rules, options.store);
  });

  const exporting = command(
    'export',
    `Prints all ${help.plural}${tabled ? ' of a table' : ''}, or writes them to a file.`,
  )
    .addOption(format(exports, 'format of the output'))
    .option('-o, --output <file>', 'file to write or replace (default: standard output)')
    .option('--partial', 'exit with 0 although the format cannot express everything')
    .addHelpText('after', help.export);
  if (kind === 'mailbox') exporting.option('--route <text>', 'for format fqdnroutes: the text after each address');
  define<ExportOptions>(exporting, async (scope, _, { output = null, partial = false, route, store, ...options }) => {
    const { writerFor } = await import('./records/format.ts');
    const writer = writerFor(scope, options.format, { '--route': route });
    const { exportAll } = await import('./records/export.ts');
    return exportAll(scope, writer, { output, partial }, store);
  });
}

/** The arguments and options of `add`, by kind. */
const ADD: Readonly<Record<KindName, (command: Command, define: Define) => void>> = {
  mailbox(command, define) {
    command
      .argument('<address...>')
      .addOption(
        new Option('-f, --folder <name>', 'folder to add to each, may be repeated')
          .argParser(collect)
          .default([], 'none'),
      )
      .addOption(new Option('--state <state>', 'default: unchanged, and active for a new mailbox').choices(STATES))
      .option('--value <text>', 'what a map with reply = "value" replies (default: unchanged)');
    define<ChangeOptions & { folder: string[]; state?: State; value?: string }>(
      command,
      async (_, [addresses = []], { folder, state = null, value = null, store, ...options }) =>
        (await import('./records/records.ts')).addMailboxes(
          addresses,
          { folders: folder, state, value },
          store,
          rulesOf(options),
        ),
    );
  },
  alias(command, define) {
    command
      .argument('<address>', 'an address, or @example.org for all other addresses of a domain')
      .argument('<target...>', 'addresses, separated by blanks or commas')
      .option('--replace', 'replace the targets that it has');
    define<ChangeOptions & { replace?: true }>(
      command,
      async (_, [[address = ''] = [], targets = []], { replace = false, store, ...options }) =>
        (await import('./records/records.ts')).addAlias(address, targets, replace, store, rulesOf(options)),
    );
  },
  domain(command, define) {
    command
      .argument('<domain...>')
      .addOption(
        new Option(
          '--class <class>',
          'address class of Postfix (default: unchanged, and mailbox for a new domain)',
        ).choices(CLASSES),
      );
    define<ChangeOptions & { class?: DomainClass }>(
      command,
      async (_, [domains = []], { class: domainClass = null, store, ...options }) =>
        (await import('./records/records.ts')).addDomains(domains, domainClass, store, rulesOf(options)),
    );
  },
  table(command, define) {
    command.argument('<key>').argument('<value>');
    define<ChangeOptions>(command, async ({ table }, [[key = ''] = [], [value = ''] = []], { store, ...options }) =>
      (await import('./records/records.ts')).addKey(table, key, value, store, rulesOf(options)),
    );
  },
};
