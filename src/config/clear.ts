import { isIP } from 'node:net';
import { isLoopback } from '../socket/listener.ts';
import type { InClear, StoreConfig } from '../store/driver.ts';
import { driverOf } from '../store/drivers.ts';

/** The machines to which a store sends a secret over a connection that others can read or take over. Null: none. */
export function sentInClear(store: StoreConfig): InClear | null {
  const { hosts = [], remedy = '' } = driverOf(store).secretsInClear?.(store) ?? {};
  const others = [...new Set(hosts.filter(isElsewhere))];
  return others.length === 0 ? null : { hosts: others, remedy };
}

/** Whether a host is another machine. A Unix socket, which is a path or "", is on this one. */
function isElsewhere(host: string): boolean {
  if (host === '' || host.startsWith('/') || host.toLowerCase() === 'localhost') return false;
  return isIP(host) === 0 || !isLoopback(host);
}
