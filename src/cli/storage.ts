import { type Command, configOption, configurationOf, storeOption, waitOption } from './command.ts';
import type { StoreOption, WaitOption } from './options.ts';

/** Adds the commands for the embedded store as a whole. */
export function addStore(program: Command, exit: (code: number) => void): void {
  const parent = program
    .command('store')
    .summary('create, back up, restore, verify and upgrade the embedded store')
    .description('Commands for the whole embedded store: mailboxes, aliases, domains and tables.');
  const command = (name: keyof typeof STORE_HELP, argument: string | null): Command => {
    const { description, more } = STORE_HELP[name];
    const made = parent.command(name).description(description).addHelpText('after', more);
    if (argument !== null)
      made.argument(
        argument,
        name === 'backup' ? 'a file, or - for standard output' : 'a backup, or - for standard input',
      );
    return made.addOption(storeOption()).addOption(configOption());
  };
  const folderOf = async (options: StoreOption): Promise<string> =>
    options.store ?? (await configurationOf(options)).store();
  command('create', null).action(async (options: StoreOption) => {
    await (await import('./records/store.ts')).create(await folderOf(options));
  });
  command('backup', '<file>').action(async (file: string, options: StoreOption) => {
    await (await import('./records/store.ts')).backup(file, await folderOf(options));
  });
  command('restore', '<file>')
    .option('--force', 'replace everything in the store')
    .addOption(waitOption())
    .action(
      async (file: string, { force = false, wait, ...options }: StoreOption & WaitOption & { force?: boolean }) => {
        await (await import('./records/store.ts')).restore(file, force, await folderOf(options), wait);
      },
    );
  command('verify', '[file]').action(async (file: string | undefined, options: StoreOption) => {
    const { verify, verifyBackup } = await import('./records/store.ts');
    exit(await (file === undefined ? verify(await folderOf(options)) : verifyBackup(file)));
  });
  command('upgrade', null)
    .addOption(waitOption())
    .action(async ({ wait, ...options }: StoreOption & WaitOption) => {
      await (await import('./records/store.ts')).upgrade(await folderOf(options), wait);
    });
}

/** The commands of `smmap store`. */
const STORE_HELP = {
  create: {
    description: 'Makes an empty store, once. A daemon or a script makes none in its place.',
    more: `
If a store is missing that was there before, bring it back instead: its folder was moved, or its disk is not mounted. A new
store that has only what is added today would make the daemon refuse everybody else. So do not put this into a script that
runs again and again. If there is a store already, nothing is changed (exit code 73).

Examples:
  smmap store create
  smmap store create && smmap mailbox add fred@example.org`,
  },
  backup: {
    description: 'Writes the whole store to a file, as of one moment, even while other commands write.',
    more: `
The file has a checksum, and replaces an older file only when it is complete. smmap store verify FILE checks it.

Examples:
  smmap store backup /var/backups/smmap
  smmap store backup - | gzip > /var/backups/smmap.gz`,
  },
  restore: {
    description: 'Replaces the store with a backup, in one transaction.',
    more: `
Makes the store if there is none. The daemon uses the restored data at its next lookup. Nothing changes if the backup was cut
off or changed (exit code 65), or if the store has records already and --force is not given (exit code 73).

Examples:
  smmap store restore /var/backups/smmap
  gunzip < /var/backups/smmap.gz | smmap store restore --force -`,
  },
  verify: {
    description:
      'Reads the whole store, or a backup, and prints errors. Exit code 0, 65 with a line for each error, or 74 if it cannot be read.',
    more: `
Examples:
  smmap store verify
  smmap store verify /var/backups/smmap`,
  },
  upgrade: {
    description: 'Converts a store of an older smmap to the current format. The older smmap cannot open it afterwards.',
    more: `
Make a backup first. The daemon may run. It takes a second for 300,000 mailboxes. If the store has the current format already,
upgrade repairs the counts and marks that smmap store verify complains about.`,
  },
} as const;
