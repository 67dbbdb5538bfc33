import { isIP } from 'node:net';
import { isLoopback } from '../socket/listener.ts';
import type { InClear, StoreConfig } from '../store/driver.ts';
import { driverOf } from '../store/drivers.ts';

/** Other machines to which a store sends a secret in clear, or by a connection that anybody on the way can take over; null: none. */
export function sentInClear(store: StoreConfig): InClear | null {
  const { hosts = [], remedy = '' } = driverOf(store).secretsInClear?.(store) ?? {};
  const others = [...new Set(hosts.filter(isElsewhere))];
  return others.length === 0 ? null : { hosts: others, remedy };
}

/** Whether a host is another machine; a Unix socket, which is a path or nothing, is on this one. */
function isElsewhere(host: string): boolean {
  if (host === '' || host.startsWith('/') || host.toLowerCase() === 'localhost') return false;
  return isIP(host) === 0 || !isLoopback(host);
}
