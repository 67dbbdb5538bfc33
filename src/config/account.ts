import { execFileSync } from 'node:child_process';

/** The id of a user or group, from its name or its own digits; null where there is none. getent(1) knows LDAP's and NIS's too. */
export function accountId(database: 'passwd' | 'group', name: string): number | null {
  if (/^\d+$/.test(name)) return Number(name);
  try {
    const line = execFileSync('getent', [database, '--', name], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return Number(line.split(':')[2]);
  } catch {
    return null;
  }
}
