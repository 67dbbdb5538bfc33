import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';

/** A user of this machine, with all its groups. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

/** The user of this process. Its groups are those that the process has. */
export function ownAccount(): Account {
  const lines = linesOf('/proc/self/status').map((each) => each.trim().split(/\s+/));
  const idsOf = (key: string): number[] => (lines.find(([first]) => first === key) ?? []).slice(1).map(Number);
  const [[, uid = -1], [, gid = -1]] = [idsOf('Uid:'), idsOf('Gid:')] as const; // the second one is in force
  return { name: ownName(uid), uid, gid, groups: [gid, ...idsOf('Groups:')] };
}

/** The name of a group. Its number if /etc/group does not have it. */
export function groupName(gid: number): string {
  const line = linesOf('/etc/group').find((each) => each.split(':')[2] === String(gid));
  return line?.split(':')[0] ?? String(gid);
}

/** The commands that let a user read a file, and nobody else but root. */
export function commandsToLetRead(file: string, { gid }: Account): string {
  return `chown root:${groupName(gid)} ${file} && chmod 640 ${file}`;
}

/** The lines below [Service] with which a service may give its socket to a group, whatever its other drop-ins forbid. */
export function linesToGiveTo(group: string | number): readonly string[] {
  return [`SupplementaryGroups=${group}`, 'PrivateUsers=no', 'SystemCallFilter=@chown'];
}

function ownName(uid: number): string {
  try {
    return userInfo().username;
  } catch {
    return String(uid); // a container may run as a user that has no name
  }
}

function linesOf(file: string): readonly string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch {
    return [];
  }
}
