import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { bashOf } from '../../packaging/completion/bash.ts';
import { fishOf } from '../../packaging/completion/fish.ts';
import { rowsOf } from '../../packaging/completion/table.ts';
import { zshOf } from '../../packaging/completion/zsh.ts';
import { createProgram } from '../../src/cli/program.ts';
import { run } from '../real/command.ts';
import { describePart } from '../real/part.ts';

const rows = rowsOf(await createProgram());
let folder = '';
let PATH = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'smmap-'));
  const smmap = join(folder, 'bin/smmap');
  await mkdir(join(folder, 'bin'));
  await writeFile(smmap, `#!/bin/sh\n[ "$*" = config ] && printf '[store.people]\\n[map.virtuser]\\n[map."*"]\\n'\n`);
  await chmod(smmap, 0o755);
  await writeFile(join(folder, 'a list.txt'), '');
  await mkdir(join(folder, 'a folder'));
  await writeFile(join(folder, 'smmap.bash'), bashOf(rows));
  await writeFile(join(folder, '_smmap'), zshOf(rows));
  await writeFile(join(folder, 'smmap.fish'), fishOf(rows));
  PATH = `${join(folder, 'bin')}:${process.env['PATH']}`;
  return () => rm(folder, { recursive: true });
});

/** What a shell offers for the last word of a line, and something that it does not offer. */
const OFFERED = [
  ['smmap ', 'mailbox', 'import'],
  ['smmap st', 'stores', 'mailbox'],
  ['smmap mailbox ', 'import', 'mailbox'],
  ['smmap mailbox import --', '--dry-run', '--stores'],
  ['smmap mailbox import --format ', 'postmap', 'virtusertable'],
  ['smmap mailbox import -c /etc/x --format ', 'postmap', 'virtusertable'],
  ['smmap alias import --format ', 'virtusertable', 'postmap'],
  ['smmap mta ', 'opensmtpd', 'mailbox'],
  ['smmap probe --map ', 'virtuser', 'people'],
  ['smmap cache clear ', 'people', 'virtuser'],
  ['smmap mailbox import a', 'a list.txt', 'virtuser'],
] as const;

async function offeredBy(file: string, args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await run('env', ['-C', folder, file, ...args], {
    env: { PATH, TERM: 'dumb' },
    limit: 20_000,
  });
  expect(stderr).toBe('');
  return stdout;
}

const partOf = async (name: string): Promise<object> => {
  const found = await run(name, ['--version']).catch(() => null);
  return found === null ? { name, missing: `not installed; it is in the package ${name}` } : {};
};

describePart('bash', await partOf('bash'), () => {
  test.each(OFFERED)('completes "%s" by %s', async (line, word, other) => {
    const script = `source ./smmap.bash; compopt() { :; }
COMP_WORDS=(${line.replace(/ $/, " ''")}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _smmap; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const words = (await offeredBy('bash', ['--norc', '-c', script])).split('\n');
    expect(words).toContain(word);
    expect(words).not.toContain(other);
  });

  test.each([
    ['(smmap mailbox import --format = p)', 'passwd postmap\n'],
    ['(smmap mailbox import --format =)', 'list cyrus passwd dovecot postmap\n'],
  ])('completes a value behind = in %s', async (words, offered) => {
    const script = `source ./smmap.bash; COMP_WORDS=${words}; COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _smmap; echo "\${COMPREPLY[@]}"`;
    expect(await offeredBy('bash', ['--norc', '-c', script])).toBe(offered);
  });
});

describePart('fish', await partOf('fish'), () => {
  test.each(OFFERED)('completes "%s" by %s', async (line, word, other) => {
    const said = await offeredBy('fish', ['--no-config', '-c', `source ./smmap.fish; complete -C '${line}'`]);
    const words = said.split('\n').map((each) => each.split('\t')[0]?.replaceAll('\\', ''));
    expect(words).toContain(word);
    expect(words).not.toContain(other);
  });
});

describePart('zsh', await partOf('zsh'), () => {
  /** Types into a zsh at a terminal of its own, twice the key Tab, and waits until it shows the word. */
  test.each(OFFERED)('completes "%s" by %s', async (line, word) => {
    const shown = word.replaceAll(' ', '*');
    const script = `zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "fpath=($PWD \\$fpath); autoload -Uz compinit; compinit -u -d $PWD/dump; LISTMAX=1000; echo READY"
zpty -r z out '*READY*READY*'
zpty -w -n z '${line}'$'\\t\\t'
zpty -r z out '*${line.trim().replaceAll(' ', '*')}*${shown}*'
print found
zpty -d z`;
    expect(await offeredBy('zsh', ['-f', '-c', script])).toBe('found\n');
  });
});
