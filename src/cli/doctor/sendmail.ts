import { lstatSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Config } from '../../config/config.ts';
import { type Endpoint, parseEndpoint } from '../../endpoint.ts';
import { EXIT } from '../error.ts';
import { type Finding, mistake } from '../finding.ts';
import { outputOf } from '../system.ts';
import type { Asked, MailServer } from './asked.ts';
import { checkAliasDomains, type DomainList } from './domains.ts';
import { replaceIn, textOf } from './edit.ts';

const NAME = 'Sendmail';
const CF = '/etc/mail/sendmail.cf';
const MC = '/etc/mail/sendmail.mc';
const RESTART = 'systemctl restart sendmail';

/** The Sendmail of this machine, with what is wrong with it alone. It connects as root. Null: there is none. */
export function examineSendmail(config: Config): { readonly server: MailServer; readonly findings: Finding[] } | null {
  const cf = textOf(CF);
  if (cf === '') return null;
  const asked = [...cf.matchAll(/^K(\S+)\s+socket\b(.*)$/gm)].flatMap(([, map = '', options = '']) =>
    askedBy(map, options),
  );
  const server = { name: NAME, protocol: 'netstring', tcp: true, account: null, restart: RESTART, asked } as const;
  const domains = checkAliasDomains(NAME, config, asked, () => domainsOf(cf));
  return { server, findings: [...checkFolders(asked), ...domains] };
}

/** A map of class socket: `-f -a<OK> local:/run/smmap/smmap.sock`, or `inet:2004@127.0.0.1`. */
function askedBy(map: string, options: string): Asked[] {
  const [place, word = '', path, port, host] = /\b((?:local|unix):([^\s,]+)|inet6?:(\d+)@(\S+))/.exec(options) ?? [];
  if (place === undefined) return [];
  const server = parseEndpoint(path === undefined ? `tcp:${host}:${port}` : `unix:${path}`);
  const moveTo = (next: Endpoint): string[] => {
    const to = next.kind === 'unix' ? `${word.split(':')[0]}:${next.path}` : `inet:${next.port}@${next.host}`;
    return [replaceIn([MC], word, to), 'make -C /etc/mail', RESTART];
  };
  const kind = map === 'virtuser' ? 'alias' : map === 'access' ? 'table' : 'mailbox';
  return [{ where: `K${map}`, server, map, kind, moveTo }];
}

/** The classes of domains for which Sendmail asks, or relays. Sendmail itself reads them, and only as root. Null: it does not say. */
function domainsOf(cf: string): DomainList | null {
  const said = outputOf('sendmail', ['-bt'], '$=w\n$={VirtHost}\n$=R\n');
  if (said === null || !said.startsWith('ADDRESS TEST MODE')) return null; // Postfix and Exim have a program of that name
  const members = new Set(said.toLowerCase().split(/[>\s]+/));
  const virtual = /^F\{VirtHost\}(?:-o\s+)?(\/\S+)/m.exec(cf)?.[1];
  const file = virtual ?? /^F(?:w|\{w\})(?:-o\s+)?(\/\S+)/m.exec(cf)?.[1];
  return {
    where: virtual === undefined ? 'class w' : 'class {VirtHost}',
    has: (domain) => members.has(domain),
    add: (domains) => (file === undefined ? [] : [`printf '%s\\n' ${domains.join(' ')} >> ${file}`, RESTART]),
  };
}

/** Sendmail refuses a socket below a folder in which others than its owner may write, and a socket that is a link. */
function checkFolders(asked: readonly Asked[]): Finding[] {
  const paths = new Set(asked.flatMap(({ server }) => (server.kind === 'unix' ? [server.path] : [])));
  return [...paths].flatMap((path) => {
    const where = `${NAME}: ${path}`;
    const findings = foldersAbove(path).flatMap((folder): Finding[] => {
      const mode = statSync(folder, { throwIfNoEntry: false })?.mode ?? 0;
      const [group, others] = [Math.floor(mode / 0o20) % 2 === 1, Math.floor(mode / 0o2) % 2 === 1];
      if (!group && !others) return [];
      const reason = `${folder} is writable for ${others ? 'everybody' : 'its group'}, so Sendmail refuses the socket as unsafe`;
      if (Math.floor(mode / 0o1000) % 2 === 1) {
        const remedy = 'listen in another folder, such as /run/smmap'; // a folder for everybody, such as /tmp
        return [mistake(EXIT.CONFIG, { where, reason, remedy })];
      }
      return [
        mistake(EXIT.CONFIG, { where, reason, remedy: 'take that right away', commands: [`chmod go-w ${folder}`] }),
      ];
    });
    if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true) {
      const reason = 'is a symbolic link, which Sendmail refuses';
      findings.push(mistake(EXIT.CONFIG, { where, reason, remedy: `write its real path into the K line of ${MC}` }));
    }
    return findings;
  });
}

function foldersAbove(path: string): string[] {
  const above = dirname(path);
  return above === path ? [] : [...foldersAbove(above), above];
}
