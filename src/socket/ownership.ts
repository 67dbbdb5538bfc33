import { groupName, linesToGiveTo, ownAccount } from '../account.ts';

/** The owner and group that a socket file should get. -1: unchanged. */
interface Ownership {
  readonly uid: number;
  readonly gid: number;
}

/** Why this user may not give a socket to an owner and a group, and what to do. Lines to copy start with four blanks. */
export function reasonNotGiven({ uid, gid }: Ownership): string {
  const own = ownAccount();
  const user = own.name;
  if (uid !== -1 && uid !== own.uid) {
    return `the user ${user} may not give its socket to another owner, only root may; remove owner, and use group or mode`;
  }
  const group = groupName(gid);
  if (own.groups.includes(gid)) {
    return `the system does not let the user ${user} give its socket to the group ${group}; in a service, SystemCallFilter= must allow @chown`;
  }
  return `the user ${user} may give its socket only to a group that it is in, and it is not in the group ${group}; for smmap.service, type systemctl edit smmap, write these lines, and type systemctl restart smmap:
    [Service]
    ${linesToGiveTo(group).join('\n    ')}`;
}
