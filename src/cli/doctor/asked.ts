import type { Account } from '../../account.ts';
import type { Config, ListenerConfig } from '../../config/config.ts';
import { type Endpoint, formatEndpoint } from '../../endpoint.ts';
import type { SocketMapProtocol } from '../../protocol/framing.ts';
import { EXIT } from '../error.ts';
import { type Finding, mistake } from '../finding.ts';
import { barriersFor, describeMode } from '../rights.ts';

/** A map that a mail server asks of a socket map server. */
export interface Asked {
  /** Where its configuration says so. */
  readonly where: string;
  readonly server: Endpoint;
  readonly map: string;
  /** What kind of map it needs. */
  readonly kind: 'mailbox' | 'alias' | 'domain' | 'table';
  /** More lines that such a map needs. */
  readonly needs?: readonly string[];
  /** The commands that make it ask at another place. */
  readonly moveTo: (server: Endpoint) => readonly string[];
}

/** A mail server of this machine. */
export interface MailServer {
  readonly name: string;
  readonly protocol: SocketMapProtocol;
  /** Whether it can also ask over TCP. */
  readonly tcp: boolean;
  /** The user that connects to the socket. Null: root. */
  readonly account: Account | null;
  /** The command that makes it read its user's groups again. */
  readonly restart: string;
  readonly asked: readonly Asked[];
}

/** What a mail server asks that the configuration does not have, and whether its user reaches the sockets. */
export function checkAsked(server: MailServer, config: Config, file: string): Finding[] {
  const findings: Finding[] = [];
  const seen = new Set<string>();
  const once = (key: string, make: () => Finding | null): void => {
    if (seen.has(key)) return;
    seen.add(key);
    const finding = make();
    if (finding !== null) findings.push(finding);
  };
  for (const asked of server.asked) {
    const where = `${server.name}: ${asked.where}`;
    const place = formatEndpoint(asked.server);
    const listener = listenerAt(config, place);
    if (listener === null) {
      const reason = `asks at ${place}, where ${file} has no listener`;
      once(`${where} ${place}`, () => misplaced(server, asked, config, file, reason));
      continue;
    }
    if (listener.protocol !== server.protocol) {
      const reason = `asks at ${place}, which has protocol = "${listener.protocol}"`;
      once(`${where} ${place}`, () => misplaced(server, asked, config, file, reason));
    }
    if (!config.maps.has(asked.map) && !config.maps.has('*')) {
      const reason = `asks for the map ${asked.map}, which ${file} does not have, so it gets TEMP`;
      const lines = [`[map.${asked.map}]`, `kind = "${asked.kind}"`, ...(asked.needs ?? [])];
      const commands = [
        `printf '\\n${lines.map((line) => `${line}\\n`).join('')}' >> ${file}`,
        `smmap check --config ${file} && systemctl reload smmap`,
      ];
      const remedy = 'add the map, or correct the name in the mail server';
      once(`map ${asked.map}`, () => mistake(EXIT.CONFIG, { where, reason, remedy, commands }));
    }
    if (listener.kind === 'unix') once(`reach ${place}`, () => unreachable(server, where, listener.path, file));
  }
  return findings;
}

/** Maps that no mail server of this machine asks, by their names. */
export function unasked(config: Config, servers: readonly MailServer[]): string[] {
  const asked = new Set(servers.flatMap((server) => server.asked.map(({ map }) => map)));
  return [...config.maps.keys()].filter((name) => name !== '*' && !asked.has(name));
}

function listenerAt({ listeners }: Config, place: string): ListenerConfig | null {
  const all = [...listeners.values()];
  return all.find((each) => each.kind !== 'systemd' && formatEndpoint(each) === place) ?? all.find(isSystemd) ?? null;
}

/** systemd knows where such a socket is, and we do not: it may be the place that is asked. */
function isSystemd({ kind }: ListenerConfig): boolean {
  return kind === 'systemd';
}

/** It asks at a wrong place: another one that suits, if there is one, is the right one. */
function misplaced(server: MailServer, asked: Asked, { listeners }: Config, file: string, reason: string): Finding {
  const where = `${server.name}: ${asked.where}`;
  const others = [...listeners.values()].filter((each) => each.protocol === server.protocol);
  const suits = (each: ListenerConfig): each is ListenerConfig & Endpoint =>
    each.kind === 'unix' || (each.kind === 'tcp' && server.tcp);
  const other = others.find(suits);
  if (other === undefined) {
    const remedy = `add a listener with protocol = "${server.protocol}" to ${file}, and ask there`;
    return mistake(EXIT.CONFIG, { where, reason, remedy });
  }
  return mistake(EXIT.CONFIG, { where, reason, remedy: 'ask where smmap listens', commands: asked.moveTo(other) });
}

/** Tries the socket with the rights of the mail server's user. A missing socket is the business of the daemon. */
function unreachable({ account, restart }: MailServer, where: string, path: string, file: string): Finding | null {
  if (account === null) return null;
  const [barrier] = barriersFor(account, [[path, 'write']]);
  if (barrier === null || barrier === undefined || barrier.why === 'missing') return null;
  const mode = describeMode(barrier.at);
  const reason = `the user ${account.name} cannot connect to ${path}, because ${barrier.at} is ${mode}`;
  const told = { where, reason };
  if (barrier.at !== path) {
    return mistake(EXIT.CONFIG, { ...told, remedy: 'let it in', commands: [`chmod o+x ${barrier.at}`] });
  }
  const [, group = '', forGroup = '0'] = /:(\S+) \d\d(\d)/.exec(mode) ?? [];
  if (group === 'root' || Math.floor(Number(forGroup) / 2) % 2 === 0) {
    const remedy = `let it in: put this under the listener in ${file}, and reload smmap`;
    return mistake(EXIT.CONFIG, { ...told, remedy, commands: ['mode = "0666"'] });
  }
  const commands = [`usermod --append --groups ${group} ${account.name}`, restart];
  return mistake(EXIT.CONFIG, { ...told, remedy: 'put it into the group', commands });
}
