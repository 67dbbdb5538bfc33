import { execFileSync } from 'node:child_process';
import type { Account } from '../account.ts';

const PROGRAM_MS = 5_000;

/** The output of a program, which reads `input`. Null if it is missing or fails. */
export function outputOf(program: string, args: readonly string[], input = ''): string | null {
  try {
    return execFileSync(program, args, {
      encoding: 'utf8',
      input,
      stdio: ['pipe', 'pipe', 'ignore'],
      timeout: PROGRAM_MS,
    });
  } catch {
    return null;
  }
}

/** A user by its name or number. Null if there is none. */
export function accountOf(user: string): Account | null {
  const [name = '', , uid, gid] = outputOf('getent', ['passwd', '--', user])?.split(':') ?? [];
  if (uid === undefined || gid === undefined) return null;
  const groups = outputOf('id', ['-G', '--', name])?.trim().split(/\s+/).map(Number) ?? [Number(gid)];
  return { name, uid: Number(uid), gid: Number(gid), groups };
}
