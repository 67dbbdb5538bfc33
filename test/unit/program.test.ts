import { Command } from 'commander';
import { expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/program.ts';

it.each(COMMANDS)('whoever types one of $names gets it from what is said to add it', async (commands) => {
  const program = new Command();
  await commands.add(program, () => {});
  expect(program.commands.map((each) => each.name())).toEqual(commands.names);
});
