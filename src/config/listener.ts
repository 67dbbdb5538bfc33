import { controlPathOf } from '../endpoint.ts';
import { isLoopback } from '../socket/listener.ts';
import { type Mistake, complain, oneOf, optional, parsedBy, section, text, z } from '../toml/type.ts';
import type { ControlConfig, ListenerConfig } from './config.ts';
import * as value from './listener-value.ts';

const NETWORKS = 'networks, such as ["192.0.2.0/24", "2001:db8::/32"]';

const path = optional(parsedBy('the absolute path of a socket', value.socketPath));
const fileKeys = {
  mode: optional(parsedBy('permissions in octal, such as "0660"', value.mode)),
  owner: optional(parsedBy('the name or number of a user of this machine', value.user)),
  group: optional(parsedBy('the name or number of a group of this machine', value.group)),
};

/** `[control]`. Every key is optional. */
export const control = section({ path, ...fileKeys });

/** The permissions of a socket whose table does not have any. */
export const USUAL_MODES = { control: '0600', listener: '0666' } as const;

/** The keys of a listener. */
export const listenerKeys = section({
  path,
  tcp: optional(parsedBy('an address and a port, such as "127.0.0.1:2004" or "[::1]:2004"', value.tcp)),
  systemd: optional(text('the FileDescriptorName of a systemd socket unit')),
  ...fileKeys,
  allow: optional(z.array(parsedBy(NETWORKS, value.network))).describe(NETWORKS),
  protocol: oneOf(['netstring', 'line'], 'netstring'),
});

/** One `[listen.NAME]`. */
export const listener = listenerKeys.transform((raw, context): ListenerConfig => {
  const read = readListener(raw);
  if ('kind' in read) return read;
  complain(context, read);
  return z.NEVER;
});

/**
 * The control socket. Only its owner may use it, because it shows and clears the caches. Without a path it is beside
 * the first listener that has one. Null if no listener has one.
 */
export function readControl(raw: z.output<typeof control>, listeners: Iterable<ListenerConfig>): ControlConfig | null {
  const beside = [...listeners].find(({ kind }) => kind === 'unix');
  const place = raw.path ?? (beside?.kind === 'unix' ? controlPathOf(beside.path) : null);
  return place === null
    ? null
    : { kind: 'unix', protocol: 'netstring', path: place, ...fileOf(raw, value.mode(USUAL_MODES.control)) };
}

/** Makes a listener from its keys, or returns the keys that contradict each other. */
function readListener(raw: z.output<typeof listenerKeys>): ListenerConfig | readonly Mistake[] {
  const places = (['path', 'tcp', 'systemd'] as const).filter((key) => raw[key] !== null);
  if (places.length !== 1) {
    const reason = `has ${places.length === 0 ? 'no place to listen' : places.join(' and ')}`;
    return [{ key: '', reason, remedy: 'give one of path, tcp and systemd' }];
  }
  const mistakes: Mistake[] = [];
  for (const key of ['mode', 'owner', 'group'] as const) {
    if (raw[key] === null || raw.path !== null) continue;
    mistakes.push({ key, reason: 'works only with path', remedy: `remove ${key}` });
  }
  if (raw.allow !== null && raw.tcp === null) {
    mistakes.push({ key: 'allow', reason: 'works only with tcp', remedy: 'remove allow' });
  }
  const allow = raw.allow ?? [];
  if (raw.tcp !== null && !isLoopback(raw.tcp.host) && allow.length === 0) {
    mistakes.push({
      key: 'tcp',
      reason: 'is open to other machines, and a socket map tells every client which mailboxes exist',
      remedy: 'list the networks of your mail servers, allow = ["192.0.2.0/24"], or listen on 127.0.0.1 or [::1]',
    });
  }
  if (mistakes.length > 0) return mistakes;
  const { protocol, tcp, systemd } = raw;
  if (tcp !== null) return { kind: 'tcp', protocol, ...tcp, allow };
  if (systemd !== null) return { kind: 'systemd', protocol, name: systemd };
  return { kind: 'unix', protocol, path: raw.path ?? '', ...fileOf(raw, value.mode(USUAL_MODES.listener)) };
}

type SocketFile = Pick<ControlConfig, 'mode' | 'uid' | 'gid'>;

/** The permissions of a socket file. -1 leaves its owner or group unchanged. */
function fileOf({ mode, owner, group }: Omit<z.output<typeof control>, 'path'>, usual: number): SocketFile {
  return { mode: mode ?? usual, uid: owner ?? -1, gid: group ?? -1 };
}
