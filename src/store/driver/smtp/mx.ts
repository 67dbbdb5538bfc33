import { type MxRecord, promises as dns } from 'node:dns';
import type { Endpoint } from '../../../endpoint.ts';
import { ofDomain, saying } from '../../../message.ts';
import { StoreError } from '../../store.ts';

/** Looks up the MX records of a domain, as resolveMx of node:dns. */
export type ResolveMx = (domain: string) => Promise<readonly MxRecord[]>;

const FRESH_MS = 300_000;

/** Finds the hosts that take the mail of a domain, and remembers them for five minutes. */
export function createMailHosts(own: readonly string[], port = 25, resolve?: ResolveMx) {
  const known = new Map<string, { readonly endpoints: readonly Endpoint[]; readonly at: number }>();
  return async (domain: string): Promise<readonly Endpoint[]> => {
    const kept = known.get(domain);
    if (kept !== undefined && performance.now() - kept.at < FRESH_MS) return kept.endpoints;
    const hosts = await mailHostsOf(domain, own, resolve);
    const endpoints = hosts.map((host): Endpoint => ({ kind: 'tcp', host, port }));
    known.set(domain, { endpoints, at: performance.now() });
    return endpoints;
  };
}

/**
 * The hosts that take the mail of a domain, the most preferred ones first; the domain itself if it has no MX record (RFC
 * 5321 section 5.1). If this machine is one of them (`own`), only hosts before it count: otherwise we might ask
 * ourselves. Throws StoreError if there is none.
 */
export async function mailHostsOf(
  domain: string,
  own: readonly string[],
  resolve: ResolveMx = (name) => dns.resolveMx(name),
): Promise<readonly string[]> {
  const records = await resolveOrImplicit(domain, resolve);
  const names = new Set(own.map(nameOf));
  const ours = records.filter(({ exchange }) => names.has(nameOf(exchange)));
  const limit = Math.min(...ours.map(({ priority }) => priority), Infinity);
  const hosts = records
    .filter(({ priority }) => priority < limit)
    .toSorted((a, b) => a.priority - b.priority)
    .map(({ exchange }) => nameOf(exchange))
    .filter((host) => host !== ''); // RFC 7505: the domain takes no mail
  if (hosts.length > 0) return hosts;
  if (ours.length > 0) {
    throw new StoreError(saying`${ofDomain(domain)} has no MX that is preferred to this machine: set server`);
  }
  throw new StoreError(saying`${ofDomain(domain)} takes no mail, by its MX record`);
}

async function resolveOrImplicit(domain: string, resolve: ResolveMx): Promise<readonly MxRecord[]> {
  try {
    return await resolve(domain);
  } catch (cause) {
    const { code = 'unknown' } = cause as NodeJS.ErrnoException;
    if (code === 'ENODATA') return [{ exchange: domain, priority: 0 }];
    throw new StoreError(saying`the MX records of ${ofDomain(domain)} cannot be looked up (${code})`, { cause });
  }
}

function nameOf(host: string): string {
  return host.toLowerCase().replace(/\.$/, '');
}
