import { resolve } from 'node:path';
import { type Command, Option } from './command.ts';
import type { StoreOption } from './options.ts';

/** Adds the commands that deal with the embedded store as a whole. */
export function addStore(program: Command, defaultStore: string, exit: (code: number) => void): void {
  const parent = program
    .command('store')
    .summary('back up, restore, verify and upgrade the embedded store')
    .description('Deals with all of the embedded store at once: mailboxes, aliases, domains and tables.');
  const command = (name: keyof typeof STORE_HELP, argument: string | null): Command => {
    const { description, more } = STORE_HELP[name];
    const made = parent.command(name).description(description).addHelpText('after', more);
    if (argument !== null)
      made.argument(
        argument,
        name === 'backup' ? 'a file, or - for standard output' : 'a backup, or - for standard input',
      );
    const store = new Option('-s, --store <dir>', 'folder of the store').argParser((dir) => resolve(dir));
    return made.addOption(store.default(defaultStore));
  };
  command('backup', '<file>').action(async (file: string, { store }: StoreOption) => {
    await (await import('./records/store.ts')).backup(file, store);
  });
  command('restore', '<file>')
    .option('--force', 'replace all that the store holds')
    .action(async (file: string, { force = false, store }: StoreOption & { force?: boolean }) => {
      await (await import('./records/store.ts')).restore(file, force, store);
    });
  command('verify', '[file]').action(async (file: string | undefined, { store }: StoreOption) => {
    exit(await (await import('./records/store.ts')).verify(file ?? null, store));
  });
  command('upgrade', null).action(async ({ store }: StoreOption) => {
    await (await import('./records/store.ts')).upgrade(store);
  });
}

/** By the word behind `smmap store`. */
const STORE_HELP = {
  backup: {
    description: 'Writes all of the store to a file. It is of one moment, while others write.',
    more: `
The file has a checksum, and is renamed over an older one when it is whole. smmap store verify FILE reads it again.

Examples:
  smmap store backup /var/backups/smmap
  smmap store backup - | gzip > /var/backups/smmap.gz`,
  },
  restore: {
    description: 'Makes the store what a backup says, in one transaction.',
    more: `
The daemon answers from the backup at its next lookup. A backup that was cut off or changed, and a store that holds something
already, where --force is not given, change nothing (exit codes 65 and 73).

Examples:
  smmap store restore /var/backups/smmap
  gunzip < /var/backups/smmap.gz | smmap store restore --force -`,
  },
  verify: {
    description:
      'Reads all of the store, or of a backup, and says what is wrong: exit code 0, 65 with a line for each, or 74.',
    more: `
Examples:
  smmap store verify
  smmap store verify /var/backups/smmap`,
  },
  upgrade: {
    description:
      'Brings a store that an older smmap wrote to the format of this one. The older one cannot open it then.',
    more: `
Back it up before. The daemon may run; this takes a second for 300,000 mailboxes. Where the format is right already, it makes
counts and marks right that smmap store verify complains of.`,
  },
} as const;
