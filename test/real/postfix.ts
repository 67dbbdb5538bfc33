// Asks the real Postfix, by its program postmap.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Input, type Result, run, withFiles } from './command.ts';
import { type Missing, findPrograms, isMissing } from './part.ts';

export interface Postfix {
  /** `postmap(['-q', 'key', 'socketmap:unix:/path:name'])`; for `-q -` the keys are the lines of stdin. */
  postmap(args: string[], stdin?: Input): Promise<Result>;
  /** Makes a program `postmap` in a folder, for a PATH. */
  install(folder: string): Promise<void>;
}

// Postfix insists on accounts that exist, are not root's and not shared. These
// exist on every Linux, and postmap never takes their rights.
const config = `compatibility_level = 3.6
mail_owner = daemon
setgid_group = mail
default_privs = nobody
`;

/**
 * Root is not needed.
 *
 * Postfix's daemons ignore SIGPIPE, and so connect anew when the server was
 * restarted. postmap does not ignore it: in a shell, it dies without a word.
 * Here it acts like the daemons, unless `plain`.
 */
export async function findPostfix(parts: string, plain = false): Promise<Postfix | Missing> {
  const name = 'Postfix';
  const found = findPrograms(name, parts, 'postfix', ['usr/sbin', 'usr/local/sbin'], ['postmap']);
  if (isMissing(found)) return found;
  const { bin, env } = found;
  const file = join(bin, 'postmap');
  const script = (plain ? '' : `trap '' PIPE; `) + 'exec "$@"';
  const postmap = (args: string[], stdin: Input = '', limit?: number) =>
    withFiles({ 'main.cf': config }, (folder) =>
      run('/bin/sh', ['-c', script, 'sh', file, '-c', folder, ...args], { env, stdin, ...(limit && { limit }) }),
    );

  // A library that is missing shows here and not as a failure of some test.
  const trial = await postmap(['-q', 'key', 'static:value'], '', 30_000);
  if (trial.stdout !== 'value\n') return { name, missing: `${file} does not work: ${trial.stderr.trim()}` };
  const install = async (folder: string): Promise<void> => {
    await writeFile(join(folder, 'main.cf'), config);
    const settings = Object.entries(env).map(([key, value]) => `${key}='${value}' `);
    const lines = `#!/bin/sh\n${settings.join('')}exec '${file}' -c '${folder}' "$@"\n`;
    await writeFile(join(folder, 'postmap'), lines, { mode: 0o755 });
  };
  return { postmap, install };
}
