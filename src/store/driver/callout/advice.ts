import type { Endpoint } from '../../../endpoint.ts';
import type { Advice, Failure } from '../../driver.ts';

/** What to do if a Unix socket of a mail server may not be used. */
export function advice(endpoints: readonly Endpoint[], { code }: Failure): Advice | null {
  const paths = endpoints.flatMap((endpoint) => (endpoint.kind === 'unix' ? [endpoint.path] : []));
  if (code !== 'EACCES' || paths.length === 0) return null;
  return {
    remedy:
      'let the daemon write to the socket, and enter its folder. If both are for a group, add the group to the unit',
    commands: [
      ...paths.map((path) => `namei -l ${path}`),
      'systemctl edit smmap   # [Service] SupplementaryGroups=GROUP',
      'systemctl restart smmap',
    ],
  };
}
