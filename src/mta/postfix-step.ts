import { isIP } from 'node:net';
import { domainToUnicode } from 'node:url';
import type { Endpoint } from '../endpoint.ts';
import { type Change, itemsOf } from './postconf.ts';
import { type Setting, textOf } from './setting.ts';

/** A part of the printout: what it is about, and a command. */
export interface Step {
  readonly about: readonly string[];
  /** A parameter of main.cf. */
  readonly change?: Change;
  /** Another command. */
  readonly command?: string;
  /** Why the command is printed as a comment: it could refuse mail that is accepted now. */
  readonly unless?: readonly string[];
}

/** Comments, what is there now, and the command. */
export function textOfStep({ about, change, command = change?.command ?? '', unless }: Step): string {
  const comments = about.map((line) => `# ${line}`);
  if (change?.isDone === true) return textOf(...comments, change.before, '# That is right already.');
  const lines = [...comments, ...(change === undefined ? [] : [change.before])];
  if (unless === undefined) return textOf(...lines, ...(command === '' ? [] : [command]));
  return textOf(...lines, ...unless.map((line) => `# ${line}`), `#     ${command}`);
}

/** Whether the Postfix of this machine has the domain in mydestination. */
export function isLocal({ postconf }: Setting, domain: string | null): boolean {
  return (
    postconf !== null && domain !== null && itemsOf(postconf.expanded('mydestination')).includes(domain.toLowerCase())
  );
}

/** Whether the Postfix of this machine has domains in this list that are not known to be in smmap. */
export function hasOthers(setting: Setting, list: string): boolean {
  const { postconf, domains: maps } = setting;
  const ours = new Set([...spellingsOf(setting), ...maps.map(({ name }) => tableOf(setting, name))].map(lower));
  return itemsOf(postconf?.expanded(list) ?? '').some((item) => !ours.has(item) && !ours.has(`proxy:${item}`));
}

const lower = (text: string): string => text.toLowerCase();

/**
 * The default domain and the domains that stand for another one, as A-labels and in Unicode: Postfix compares domains as they are
 * written.
 */
export function spellingsOf({ defaultDomain, aliasDomains }: Setting): string[] {
  const names = [...(defaultDomain === null ? [] : [defaultDomain]), ...aliasDomains.keys()];
  return [...new Set(names.flatMap((name) => [name, domainToUnicode(name)]))];
}

/** A map of smmap as Postfix writes it. proxymap asks it, which is not in a chroot. */
export function tableOf({ server }: Setting, name: string): string {
  return `proxy:socketmap:${formatServer(server)}:${name}`;
}

/** The server as Postfix writes it. */
export function formatServer(server: Endpoint): string {
  return server.kind === 'unix' ? `unix:${server.path}` : `inet:${hostOf(server.host)}:${server.port}`;
}

/** A host as Postfix writes it before a port. */
export function hostOf(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host;
}
