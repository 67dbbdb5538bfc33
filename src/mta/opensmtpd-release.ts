import { spawnSync } from 'node:child_process';

/** Where smtpd is. The PATH of a user who is not root often lacks the second place. */
const PROGRAMS = ['smtpd', '/usr/sbin/smtpd'];

/** The release of the OpenSMTPD of this machine, such as `7.6.0-portable`. Null if there is none. */
export function readOpensmtpdRelease(): string | null {
  for (const program of PROGRAMS) {
    const { stderr } = spawnSync(program, ['-h'], { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] });
    const [, release] = /^version: OpenSMTPD (\S+)/m.exec(stderr ?? '') ?? [];
    if (release !== undefined) return release;
  }
  return null;
}

/** Whether a release starts programs for its tables, and speaks smtpd-tables(7) with them. */
export function hasTablePrograms(release: string): boolean {
  const [major = 0, minor = 0] = release.split('.').map((part) => Number.parseInt(part, 10));
  return major > 7 || (major === 7 && minor >= 6);
}
