import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Account, linesToGiveTo } from '../../account.ts';
import type { Config, ControlConfig, PlaceConfig } from '../../config/config.ts';
import { listenersOf } from '../../daemon/listeners.ts';
import { OTHER_DESCRIPTORS } from '../../daemon/running.ts';
import { EXIT } from '../error.ts';
import { type Finding, mistake, warning } from '../finding.ts';
import { accountOf } from '../system.ts';
import type { Viewer } from './files.ts';

/** Whether the service can have the sockets and descriptors that the configuration wants, and who reaches the sockets. */
export function checkService(config: Config, { account }: Viewer, files: number | null): Finding[] {
  return [...checkDescriptors(config, files), ...checkOwners(config, account), ...checkReach(config, account)];
}

function checkDescriptors({ limits: { hardConnections } }: Config, files: number | null): Finding[] {
  const wanted = hardConnections + OTHER_DESCRIPTORS;
  if (files === null || files >= wanted) return [];
  const reason = `is ${hardConnections}, but the service may open only ${files} files and sockets, so clients are closed`;
  const remedy = `lower it, or put this under [Service] with systemctl edit smmap`;
  return [warning({ where: 'limits.hard_connections', reason, remedy, commands: [`LimitNOFILE=${wanted}`] })];
}

type SocketFile = Extract<PlaceConfig, { kind: 'unix' }>;

function socketFiles(config: Config): (readonly [where: string, SocketFile])[] {
  return listenersOf(config).flatMap(({ name, config: listener, servedBy }) =>
    listener.kind === 'unix' ? [[servedBy === 'maps' ? `listen.${name}` : servedBy, listener] as const] : [],
  );
}

/** A user may give a file only to a group that it is in, and to no other user. */
function checkOwners(config: Config, account: Account): Finding[] {
  if (account.uid === 0) return [];
  return socketFiles(config).flatMap(([where, { uid, gid }]) => {
    const findings: Finding[] = [];
    if (uid !== -1 && uid !== account.uid) {
      const reason = `the user ${account.name} cannot give its socket to the user ${uid}`;
      const remedy = 'remove owner, and use group or mode to let the mail server in';
      findings.push(mistake(EXIT.CONFIG, { where: `${where}.owner`, reason, remedy }));
    }
    if (gid !== -1 && !account.groups.includes(gid)) {
      const reason = `the user ${account.name} cannot give its socket to the group ${gid}, because it is not in that group`;
      const remedy = 'put this under [Service] with systemctl edit smmap, and restart smmap';
      findings.push(mistake(EXIT.CONFIG, { where: `${where}.group`, reason, remedy, commands: linesToGiveTo(gid) }));
    }
    return findings;
  });
}

/** Users of mail servers that are not root, by the protocol that they speak. */
const MAIL_USERS: Readonly<Record<ControlConfig['protocol'], readonly string[]>> = {
  netstring: ['postfix', 'Debian-exim', 'exim'],
  line: ['opensmtpd', '_smtpd'],
  policy: ['postfix'],
};

/** The mail servers of this machine that cannot connect to a socket because of its mode, or of a folder above it. */
function checkReach(config: Config, service: Account): Finding[] {
  return [...config.listeners].flatMap(([name, listener]) => {
    if (listener.kind !== 'unix') return [];
    const where = `listen.${name}`;
    const users = MAIL_USERS[listener.protocol].flatMap((each) => accountOf(each) ?? []);
    return users.flatMap((user) => {
      const folder = foldersAbove(listener.path).find((each) => !mayEnter(each, user));
      if (folder !== undefined) {
        const reason = `the user ${user.name} may not enter ${folder}, so it cannot connect to ${listener.path}`;
        const told = { where: `${where}.path`, reason, remedy: 'let it in', commands: [`chmod o+x ${folder}`] };
        return [warning(told)];
      }
      const owner = listener.uid === -1 ? service.uid : listener.uid;
      const group = listener.gid === -1 ? service.gid : listener.gid;
      if (may(listener.mode, owner, group, user, 2)) return [];
      const mode = listener.mode.toString(8).padStart(4, '0');
      const reason = `the user ${user.name} may not connect to ${listener.path}, which has the mode ${mode}`;
      const remedy = 'give the socket to its group, with SupplementaryGroups= in the unit, or use mode = "0666"';
      return [warning({ where: `${where}.mode`, reason, remedy, commands: [`group = "${user.name}"`] })];
    });
  });
}

function foldersAbove(path: string): string[] {
  const above = dirname(path);
  return above === path ? [] : [...foldersAbove(above), above];
}

function mayEnter(folder: string, user: Account): boolean {
  const stat = statSync(folder, { throwIfNoEntry: false });
  return stat === undefined || may(stat.mode, stat.uid, stat.gid, user, 1);
}

/** Whether the mode of a file gives a user this bit: 4 to read, 2 to write, 1 to enter. */
function may(mode: number, uid: number, gid: number, user: Account, bit: number): boolean {
  if (user.uid === 0) return true;
  const shift = user.uid === uid ? 64 : user.groups.includes(gid) ? 8 : 1;
  return Math.floor(mode / (bit * shift)) % 2 === 1;
}
