import type { Account } from '../account.ts';
import { accountOf, outputOf } from './system.ts';

/** How systemd runs the daemon. */
export interface Service {
  /** Null if there is no such user. */
  readonly account: Account | null;
  /** LimitNOFILE. Null if it is unknown. */
  readonly files: number | null;
}

const UNIT = 'smmap.service';
const USUAL_USER = 'smmap';

/** The service of this machine, by its unit. Without a unit: the user smmap, if there is one. */
export function findService(): Service {
  const properties = unitProperties();
  const user = properties.get('User') || (properties.size === 0 ? USUAL_USER : 'root');
  const account = accountOf(user);
  const files = Number(properties.get('LimitNOFILE'));
  if (account === null) return { account, files: files || null };
  const more = (properties.get('SupplementaryGroups') ?? '').split(' ').filter((name) => name !== '');
  const own = properties.get('Group') ?? '';
  const gid = own === '' ? account.gid : (groupIdOf(own) ?? account.gid);
  const groups = [gid, ...account.groups, ...more.flatMap((name) => groupIdOf(name) ?? [])];
  return { account: { ...account, gid, groups: [...new Set(groups)] }, files: files || null };
}

/** The properties of the unit that systemd has loaded. Empty if there is no unit or no systemd. */
function unitProperties(): ReadonlyMap<string, string> {
  const wanted = ['LoadState', 'User', 'Group', 'SupplementaryGroups', 'LimitNOFILE'];
  const output = outputOf('systemctl', ['show', UNIT, ...wanted.map((name) => `--property=${name}`)]) ?? '';
  const properties = new Map(
    output.split('\n').flatMap((line) => {
      const [, name, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value] as const];
    }),
  );
  return properties.get('LoadState') === 'loaded' ? properties : new Map();
}

function groupIdOf(name: string): number | null {
  const id = outputOf('getent', ['group', '--', name])?.split(':')[2];
  return id === undefined ? null : Number(id);
}
