import type { Command } from 'commander';
import { bold, pageOf, paragraphs, plain, term } from './roff.ts';

/** smmap(1): all commands, each as its --help says it. */
export function commandsPage(program: Command, date: string, version: string): string {
  return pageOf('smmap', 1, date, version, [
    '.SH NAME',
    String.raw`smmap \- socket map daemon that knows which mailboxes exist`,
    '.SH SYNOPSIS',
    `.B smmap\n.I command\n[\\fIoptions\\fR]`,
    '.SH DESCRIPTION',
    plain(program.description()),
    '.SH COMMANDS',
    ...runnableOf(program).flatMap(bodyOf),
    '.SH EXIT STATUS',
    ...paragraphs(addedTo(program)),
    '.SH FILES',
    ...term('/etc/smmap/smmap.toml', 'the configuration; see smmap.toml(5)'),
    ...term('/run/smmap/smmap.sock', 'the socket that mail servers ask'),
    ...term('/var/lib/smmap', 'the embedded store'),
    '.SH SEE ALSO',
    'smmap.toml(5), socketmap_table(5), postmap(1)',
  ]);
}

/** The commands that can be run, in the order of the help. One that only has others has no options of its own. */
export function runnableOf(command: Command): readonly Command[] {
  const own = command.options.some(({ long }) => long !== '--version') ? [command] : [];
  return [...own, ...command.commands.flatMap(runnableOf)];
}

/** `smmap mailbox add`. */
export function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;
}

function bodyOf(command: Command): readonly string[] {
  const help = command.createHelp();
  const [, usage = ''] = help.commandUsage(command).split(`${nameOf(command)} `);
  return [
    `.SS "${nameOf(command)}"`,
    `${bold(nameOf(command))} ${plain(usage)}`,
    ...paragraphs(command.description()),
    ...help.visibleArguments(command).flatMap((each) => term(plain(each.name()), help.argumentDescription(each))),
    ...help
      .visibleOptions(command)
      .filter(({ long }) => long !== '--help')
      .flatMap((each) => term(bold(help.optionTerm(each)), help.optionDescription(each))),
    ...paragraphs(addedTo(command)),
  ];
}

/** What the help has after the options. */
function addedTo(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) });
  command.outputHelp();
  return text.slice(command.helpInformation().length);
}
