import { controlPathOf } from '../endpoint.ts';
import type { Protocol } from '../protocol/framing.ts';
import { isLoopback, type Network } from '../socket/listener.ts';
import type { ControlConfig, ListenerConfig } from './config.ts';
import type { Mistake } from '../toml/type.ts';

/** The keys of a `[listen.NAME]`, each read by itself. */
export interface ListenerKeys {
  readonly path?: string | undefined;
  readonly tcp?: { readonly host: string; readonly port: number } | undefined;
  readonly systemd?: string | undefined;
  readonly mode?: number | undefined;
  readonly owner?: number | undefined;
  readonly group?: number | undefined;
  readonly allow?: readonly Network[] | undefined;
  readonly protocol: Protocol;
}

/**
 * The control socket, which only its owner may use: it tells and forgets what is cached. Without a path it is beside the first
 * listener that has one; null where none has.
 */
export function readControl(
  raw: Pick<ListenerKeys, 'path' | 'mode' | 'owner' | 'group'>,
  listeners: Iterable<ListenerConfig>,
): ControlConfig | null {
  const beside = [...listeners].find(({ kind }) => kind === 'unix');
  const path = raw.path ?? (beside?.kind === 'unix' ? controlPathOf(beside.path) : null);
  if (path === null) return null;
  const { mode = 0o600, owner = -1, group = -1 } = raw;
  return { kind: 'unix', protocol: 'netstring', path, mode, uid: owner, gid: group };
}

/** Makes one listener of them, or says what does not fit together. */
export function readListener(raw: ListenerKeys): ListenerConfig | readonly Mistake[] {
  const places = (['path', 'tcp', 'systemd'] as const).filter((key) => raw[key] !== undefined);
  if (places.length !== 1) {
    const reason = `has ${places.length === 0 ? 'no place to listen' : places.join(' and ')}`;
    return [{ key: '', reason, remedy: 'give one of path, tcp and systemd' }];
  }
  const mistakes: Mistake[] = [];
  for (const key of ['mode', 'owner', 'group'] as const) {
    if (raw[key] === undefined || raw.path !== undefined) continue;
    mistakes.push({ key, reason: 'is for the socket file of a path', remedy: `remove ${key}` });
  }
  if (raw.allow !== undefined && raw.tcp === undefined) {
    mistakes.push({ key: 'allow', reason: 'is for tcp', remedy: 'remove allow' });
  }
  const allow = raw.allow ?? [];
  if (raw.tcp !== undefined && !isLoopback(raw.tcp.host) && allow.length === 0) {
    mistakes.push({
      key: 'tcp',
      reason: 'reaches beyond this machine, and a socket map tells anybody who asks which mailboxes exist',
      remedy: 'list the networks of your mail servers, allow = ["192.0.2.0/24"], or listen on 127.0.0.1 or [::1]',
    });
  }
  if (mistakes.length > 0) return mistakes;
  const { path = '', mode = 0o666, owner = -1, group = -1, protocol } = raw;
  if (raw.tcp !== undefined) return { kind: 'tcp', protocol, ...raw.tcp, allow };
  if (raw.systemd !== undefined) return { kind: 'systemd', protocol, name: raw.systemd };
  return { kind: 'unix', protocol, path, mode, uid: owner, gid: group };
}
