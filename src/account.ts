import { readFileSync } from 'node:fs';

/** A user of this machine, by the files of /etc, and what a process may do as that user. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  /** The name of its own group. */
  readonly group: string;
  /** The numbers of all its groups. */
  readonly gids: readonly number[];
}

/** The user of this process. Its groups are those that the process has. */
export function ownAccount(): Account {
  const lines = linesOf('/proc/self/status').map((each) => each.trim().split(/\s+/));
  const idsOf = (key: string): number[] => (lines.find(([first]) => first === key) ?? []).slice(1).map(Number);
  const [[, uid = -1], [, gid = -1]] = [idsOf('Uid:'), idsOf('Gid:')] as const; // the second one is in force
  const gids = [gid, ...idsOf('Groups:')];
  return { name: nameIn('/etc/passwd', uid), uid, group: groupName(gid), gids };
}

/** The name of a group. Its number if /etc/group does not have it. */
export function groupName(gid: number): string {
  return nameIn('/etc/group', gid);
}

/** The commands that let a user read a file, and nobody else but root. */
export function commandsToLetRead(file: string, { group }: Account): string {
  return `chown root:${group} ${file} && chmod 640 ${file}`;
}

function nameIn(file: string, id: number): string {
  const line = linesOf(file).find((each) => each.split(':')[2] === String(id));
  return line?.split(':')[0] ?? String(id);
}

function linesOf(file: string): readonly string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch {
    return [];
  }
}
