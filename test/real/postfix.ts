// Asks the real Postfix, by its program postmap.

import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Input, type Result, run, withFiles } from './command.ts';

export interface Postfix {
  /** `postmap(['-q', 'key', 'socketmap:unix:/path:name'])`; for `-q -` the keys are the lines of stdin. */
  postmap(args: string[], stdin?: Input): Promise<Result>;
}

// Postfix insists on accounts that exist, are not root's and not shared. These
// exist on every Linux, and postmap never takes their rights.
const config = `compatibility_level = 3.6
mail_owner = daemon
setgid_group = mail
default_privs = nobody
`;

/**
 * Prefers the one that parts.sh unpacked into `parts`; root is not needed.
 *
 * Postfix's daemons ignore SIGPIPE, and so connect anew when the server was
 * restarted. postmap does not ignore it: in a shell, it dies without a word.
 * Here it acts like the daemons, unless `plain`.
 */
export async function findPostfix(parts: string, plain = false): Promise<Postfix | { missing: string }> {
  const part = join(parts, 'postfix');
  const path = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  const file = [join(part, 'usr/sbin'), ...path].map((folder) => join(folder, 'postmap')).find(existsSync);
  if (file === undefined) return { missing: `no postmap, neither below ${part} nor installed` };

  const env = file.startsWith(part) ? { LD_LIBRARY_PATH: join(part, 'libs') } : {};
  const script = (plain ? '' : `trap '' PIPE; `) + 'exec "$@"';
  const postmap = (args: string[], stdin: Input = '', limit?: number) =>
    withFiles({ 'main.cf': config }, (folder) =>
      run('/bin/sh', ['-c', script, 'sh', file, '-c', folder, ...args], { env, stdin, ...(limit && { limit }) }),
    );

  // A library that is missing shows here and not as a failure of some test.
  const trial = await postmap(['-q', 'key', 'static:value'], '', 5_000);
  if (trial.stdout !== 'value\n') return { missing: `${file} does not work: ${trial.stderr.trim()}` };
  return { postmap };
}
