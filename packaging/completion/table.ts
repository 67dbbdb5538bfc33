import type { Command, Option } from 'commander';
import { nameOf } from '../manual/commands.ts';

/** What may stand in a place of a command line: these words, or what a shell or the configuration knows. */
export type Words = readonly string[] | 'file' | 'folder' | 'map' | 'store' | null;

/** An option of a command, and what its value may be. */
export interface Flag {
  /** `-f` and `--format`, or one of them. */
  readonly names: readonly string[];
  readonly takesValue: boolean;
  readonly value: Words;
  readonly about: string;
}

/** What may follow a command: `path` is ` mailbox import`, or empty for smmap itself. */
export interface Row {
  readonly path: string;
  /** The commands below it, each with what it is about. */
  readonly commands: readonly (readonly [name: string, about: string])[];
  readonly flags: readonly Flag[];
  readonly argument: Words;
}

/** All commands of a program, with what may follow each. */
export function rowsOf(command: Command): readonly Row[] {
  const own: Row = {
    path: nameOf(command).slice(nameOf(rootOf(command)).length),
    commands: command.commands.map((each) => [each.name(), firstOf(each.summary() || each.description())]),
    flags: command.options.map(flagOf),
    argument: argumentOf(command),
  };
  return [own, ...command.commands.flatMap(rowsOf)];
}

/** The first sentence. */
function firstOf(text: string): string {
  return text.split(/\.(?: |$)/)[0] as string;
}

function rootOf(command: Command): Command {
  return command.parent === null ? command : rootOf(command.parent);
}

function flagOf({ short, long, flags, argChoices, description, required, optional }: Option): Flag {
  const [, placeholder = ''] = /[<[](.+)[>\]]/.exec(flags) ?? [];
  return {
    names: [short, long].filter((name): name is string => typeof name === 'string'),
    takesValue: required || optional,
    value: argChoices ?? VALUES[`${long} ${placeholder}`] ?? VALUES[placeholder] ?? null,
    about: description,
  };
}

/** What a value is, by its placeholder, or by its option too. */
const VALUES: Readonly<Record<string, Words>> = {
  file: 'file',
  dir: 'folder',
  '--map name': 'map',
  '--store name': 'store',
};

function argumentOf(command: Command): Words {
  const [first] = command.registeredArguments.toReversed();
  if (first === undefined) return null;
  if (first.argChoices !== undefined) return first.argChoices;
  if (first.name() === 'store' || nameOf(command).endsWith('stores release')) return 'store';
  return ['file', 'list'].includes(first.name()) ? 'file' : null;
}
