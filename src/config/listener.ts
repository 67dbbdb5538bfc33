import { controlPathOf } from '../endpoint.ts';
import { POLICY, type PolicyOptions } from '../protocol/policy.ts';
import { isLoopback } from '../socket/listener.ts';
import { type Mistake, complain, oneOf, optional, parsedBy, section, text, yesOrNo, z } from '../toml/type.ts';
import type { ControlConfig, ListenerConfig, MetricsConfig, PlaceConfig } from './config.ts';
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
export const USUAL_MODES = { control: '0600', metrics: '0600', listener: '0666' } as const;

const tcp = optional(parsedBy('an address and a port, such as "127.0.0.1:2004" or "[::1]:2004"', value.tcp));
const allow = optional(z.array(parsedBy(NETWORKS, value.network))).describe(NETWORKS);

const HOSTS = 'names of this machine without a port, such as ["status.example.org"]';

/** The keys of `[metrics]`. */
export const metricsKeys = section({
  path,
  tcp,
  ...fileKeys,
  allow,
  hosts: optional(z.array(parsedBy(HOSTS, value.hostName))).describe(HOSTS),
  explain: yesOrNo(false),
});

/** `[metrics]`. */
export const metrics = metricsKeys.transform((raw, context): MetricsConfig => {
  const places = (['path', 'tcp'] as const).filter((key) => raw[key] !== null);
  const mistakes = placeMistakes(raw, places, 'path and tcp', {
    reason:
      'is open to other machines, and the metrics tell every client which stores there are and how much mail comes',
    clients: 'the machines that collect metrics',
  });
  if (raw.hosts !== null && raw.path !== null) {
    mistakes.push({ key: 'hosts', reason: 'works only with tcp', remedy: 'remove hosts' });
  }
  if (mistakes.length > 0) {
    complain(context, mistakes);
    return z.NEVER;
  }
  return { ...bindingOf(raw, USUAL_MODES.metrics), explain: raw.explain, hosts: raw.hosts ?? [] };
});

/** The keys of a listener. */
export const listenerKeys = section({
  path,
  tcp,
  systemd: optional(text('the FileDescriptorName of a systemd socket unit')),
  ...fileKeys,
  allow,
  protocol: oneOf(['netstring', 'line', 'policy'], 'netstring'),
  absent: optional(parsedBy('"dunno" or "reject"', value.absent)),
  overquota: optional(parsedBy('a code, an enhanced code and a text, such as "452 4.2.2 Mailbox full"', value.refusal)),
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
  const mistakes = placeMistakes(raw, places, 'path, tcp and systemd', {
    reason: 'is open to other machines, and a socket map tells every client which mailboxes exist',
    clients: 'your mail servers',
  });
  const { protocol, systemd, absent, overquota } = raw;
  for (const key of ['absent', 'overquota'] as const) {
    if (raw[key] === null || protocol === 'policy') continue;
    mistakes.push({ key, reason: 'works only with protocol = "policy"', remedy: `remove ${key}` });
  }
  if (mistakes.length > 0) return mistakes;
  const policy: PolicyOptions = {
    rejectsAbsent: absent ?? POLICY.rejectsAbsent,
    overquota: overquota ?? POLICY.overquota,
  };
  const spoken = protocol === 'policy' ? { protocol, policy } : { protocol };
  if (systemd !== null) return { kind: 'systemd', ...spoken, name: systemd };
  return { ...spoken, ...bindingOf(raw, USUAL_MODES.listener) };
}

type PlaceKeys = Omit<z.output<typeof metricsKeys>, 'hosts' | 'explain'>;

/** The keys of a place that contradict each other. `danger`: what a client of another machine learns, and which clients may. */
function placeMistakes(
  raw: PlaceKeys,
  places: readonly string[],
  all: string,
  danger: { readonly reason: string; readonly clients: string },
): Mistake[] {
  if (places.length !== 1) {
    const reason = `has ${places.length === 0 ? 'no place to listen' : places.join(' and ')}`;
    return [{ key: '', reason, remedy: `give one of ${all}` }];
  }
  const mistakes: Mistake[] = [];
  for (const key of ['mode', 'owner', 'group'] as const) {
    if (raw[key] === null || raw.path !== null) continue;
    mistakes.push({ key, reason: 'works only with path', remedy: `remove ${key}` });
  }
  if (raw.allow !== null && raw.tcp === null) {
    mistakes.push({ key: 'allow', reason: 'works only with tcp', remedy: 'remove allow' });
  }
  if (raw.tcp !== null && !isLoopback(raw.tcp.host) && (raw.allow ?? []).length === 0) {
    mistakes.push({
      key: 'tcp',
      reason: danger.reason,
      remedy: `list the networks of ${danger.clients}, allow = ["192.0.2.0/24"], or listen on 127.0.0.1 or [::1]`,
    });
  }
  return mistakes;
}

/** What to bind to: a TCP port, or a socket with this usual mode. */
function bindingOf(raw: PlaceKeys, usualMode: string): PlaceConfig {
  if (raw.tcp !== null) return { kind: 'tcp', ...raw.tcp, allow: raw.allow ?? [] };
  return { kind: 'unix', path: raw.path ?? '', ...fileOf(raw, value.mode(usualMode)) };
}

type SocketFile = Pick<ControlConfig, 'mode' | 'uid' | 'gid'>;

/** The permissions of a socket file. -1 leaves its owner or group unchanged. */
function fileOf(
  { mode, owner, group }: Pick<z.output<typeof control>, 'mode' | 'owner' | 'group'>,
  usual: number,
): SocketFile {
  return { mode: mode ?? usual, uid: owner ?? -1, gid: group ?? -1 };
}
