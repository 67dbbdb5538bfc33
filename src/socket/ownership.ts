import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';

/** The owner and group that a socket file should get. -1: unchanged. */
interface Ownership {
  readonly uid: number;
  readonly gid: number;
}

/** Why this user may not give a socket to an owner and a group, and what to do. Lines to copy start with four blanks. */
export function reasonNotGiven({ uid, gid }: Ownership): string {
  const user = userName();
  if (uid !== -1 && uid !== userInfo().uid) {
    return `the user ${user} may not give its socket to another owner, only root may; remove owner, and use group or mode`;
  }
  const group = groupName(gid);
  if (ownGroups().includes(String(gid))) {
    return `the system does not let the user ${user} give its socket to the group ${group}; in a service, SystemCallFilter= must allow @chown`;
  }
  return `the user ${user} may give its socket only to a group that it is in, and it is not in the group ${group}; for smmap.service, type systemctl edit smmap, write these lines, and type systemctl restart smmap:
    [Service]
    SupplementaryGroups=${group}`;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return 'of this process'; // it has no name
  }
}

/** The name of a group. Its number if it has none here; systemd takes numbers too. */
function groupName(gid: number): string {
  const line = linesOf('/etc/group').find((each) => each.split(':')[2] === String(gid));
  return line?.split(':')[0] ?? String(gid);
}

/** The numbers of the groups that this process is in. */
function ownGroups(): readonly string[] {
  const lines = linesOf('/proc/self/status').filter((each) => /^(?:Gid|Groups):/.test(each));
  return lines.flatMap((each) => each.split(/\s+/).slice(1));
}

function linesOf(file: string): readonly string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch {
    return [];
  }
}
