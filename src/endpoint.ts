import { isIP } from 'node:net';

/** Where a server listens, or where we ask one. */
export type Endpoint =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

/** An endpoint that is not valid. The message says why, and what would be valid. */
export class EndpointError extends Error {
  override name = 'EndpointError';
}

const LONGEST_PATH = 107; // bytes, sun_path of unix(7) without its NUL; node:net would cut off a longer one

/** Reads `unix:PATH`, `tcp:HOST:PORT`, or `PATH` alone. Throws EndpointError. */
export function parseEndpoint(text: string): Endpoint {
  if (text.startsWith('tcp:')) return { kind: 'tcp', ...parseHostPort(text.slice('tcp:'.length)) };
  const path = text.startsWith('unix:') ? text.slice('unix:'.length) : text;
  if (!path.startsWith('/') && path === text) throw new EndpointError(`${text}: give unix:PATH or tcp:HOST:PORT`);
  return { kind: 'unix', path: parsePath(path) };
}

/** Reads `127.0.0.1:2004`, `[::1]:2004` or `name:2004`. Throws EndpointError. */
export function parseHostPort(text: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || (match?.[1] !== undefined && isIP(host) !== 6)) {
    throw new EndpointError(`${text}: give HOST:PORT, such as 127.0.0.1:2004 or [::1]:2004`);
  }
  if (port > 65_535) throw new EndpointError(`${text}: port ${port} is over 65535`);
  return { host, port };
}

/** Checks the path of a Unix socket. Throws EndpointError. */
export function parsePath(path: string): string {
  if (path === '' || path.includes('\0')) throw new EndpointError('the path of a Unix socket is empty');
  const bytes = Buffer.byteLength(path);
  if (bytes > LONGEST_PATH) {
    throw new EndpointError(
      `${path}: ${bytes} bytes, but the path of a Unix socket has at most ${LONGEST_PATH}; choose a shorter path`,
    );
  }
  return path;
}

/** A host as it stands in a URL, without the brackets of an IPv6 address. */
export function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

export function formatEndpoint(endpoint: Endpoint): string {
  if (endpoint.kind === 'unix') return `unix:${endpoint.path}`;
  return `tcp:${isIP(endpoint.host) === 6 ? `[${endpoint.host}]` : endpoint.host}:${endpoint.port}`;
}

/** The control socket of a daemon that listens on a path. Null if its path would be too long. */
export function controlPathOf(path: string): string | null {
  const control = `${path}.control`;
  return Buffer.byteLength(control) > LONGEST_PATH ? null : control;
}
