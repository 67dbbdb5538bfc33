import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { domainToUnicode } from 'node:url';
import type { Config } from '../../config/config.ts';
import { type Endpoint, formatEndpoint, parseEndpoint } from '../../endpoint.ts';
import { quote } from '../../mta/postconf.ts';
import { EXIT } from '../error.ts';
import { type Finding, mistake } from '../finding.ts';
import { accountOf, outputOf } from '../system.ts';
import type { Asked, MailServer } from './asked.ts';
import { checkAliasDomains, type DomainList } from './domains.ts';

const NAME = 'Postfix';
const REFERENCE = /\b(proxy:)?socketmap:(unix:[^\s,:{}]+|inet:(?:\[[^\]]+\]|[^\s,:{}]+):\d+):([^\s,{}]+)/g;
const RELOAD = 'postfix reload';

/** A parameter of main.cf, or one that a service of master.cf sets. */
interface Parameter {
  readonly name: string;
  readonly value: string;
  /** The command that sets it to another value. */
  readonly set: (value: string) => string;
}

/** The Postfix of this machine, with what is wrong with it alone. Null: there is none. */
export function examinePostfix(config: Config): { readonly server: MailServer; readonly findings: Finding[] } | null {
  const owner = outputOf('postconf', ['-h', 'mail_owner'])?.trim();
  if (owner === undefined) return null;
  const parameters = readParameters();
  const asked = parameters.flatMap((parameter) => askedBy(parameter));
  const server = {
    name: NAME,
    protocol: 'netstring',
    tcp: true,
    account: accountOf(owner),
    restart: 'postfix stop; postfix start',
    asked,
  } as const;
  const domains = checkAliasDomains(NAME, config, asked, () => domainsOf(parameters));
  return { server, findings: [...checkChroot(parameters), ...domains] };
}

/** What main.cf sets (with the values of the parameters that it uses), and what master.cf sets for a service. */
function readParameters(): readonly Parameter[] {
  const own = linesOf('postconf', ['-n']).flatMap((line): Parameter[] => {
    const [, name, value] = /^(\w+) = ?(.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) return [];
    return [{ name, value, set: (next) => `postconf -e ${quote(`${name} = ${next}`)}` }];
  });
  const ofServices = linesOf('postconf', ['-P']).flatMap((line): Parameter[] => {
    const [, name, value] = /^(\S+\/\S+\/\S+) = ?(.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) return [];
    return [{ name, value, set: (next) => `postconf -P ${quote(`${name} = ${next}`)}` }];
  });
  return [...own, ...ofServices];
}

function askedBy({ name, value, set }: Parameter): Asked[] {
  return [...value.matchAll(REFERENCE)].flatMap(([whole, proxy = '', place = '', map = '']) => {
    const server = parseEndpoint(place.replace(/^inet:/, 'tcp:'));
    const moveTo = (next: Endpoint): string[] => {
      const to = formatEndpoint(next).replace(/^tcp:/, 'inet:');
      return [set(value.replaceAll(whole, `${proxy}socketmap:${to}:${map}`)), RELOAD];
    };
    return [{ where: name, server, map, kind: kindOf(name), moveTo }];
  });
}

function kindOf(parameter: string): Asked['kind'] {
  if (/alias_domains$|mailbox_domains$|relay_domains$|mydestination$/.test(parameter)) return 'domain';
  if (parameter.endsWith('alias_maps')) return 'alias';
  return /(?:mailbox|recipient)_maps$/.test(parameter) ? 'mailbox' : 'table';
}

/** Programs that read tables, and that Debian puts in a chroot. proxymap reads for them outside of it. */
const READERS = /^(?:smtpd|cleanup|trivial-rewrite|local|virtual|lmtp|smtp|pipe)$/;

/** A process in a chroot looks for the socket below the folder of the queue. */
function checkChroot(parameters: readonly Parameter[]): Finding[] {
  const jailed = linesOf('postconf', ['-M'])
    .map((line) => line.split(/\s+/))
    .filter((fields) => fields[4] === 'y' && READERS.test(fields[7] ?? ''))
    .map((fields) => fields[7] as string);
  if (jailed.length === 0) return [];
  const queue = outputOf('postconf', ['-h', 'queue_directory'])?.trim() ?? '/var/spool/postfix';
  return parameters.flatMap(({ name, value, set }) => {
    const hidden = [...value.matchAll(REFERENCE)].filter(
      ([, proxy, place = '']) =>
        proxy === undefined && place.startsWith('unix:') && !isSocket(join(queue, place.slice(5))),
    );
    if (hidden.length === 0) return [];
    const next = hidden.reduce((text, [whole]) => text.replaceAll(whole, `proxy:${whole}`), value);
    const reason = `${[...new Set(jailed)].join(', ')} run in a chroot (${queue}) and do not see ${hidden[0]?.[2]}, so all mail is deferred`;
    const remedy = 'let proxymap ask, which is not in the chroot';
    return [mistake(EXIT.CONFIG, { where: `${NAME}: ${name}`, reason, remedy, commands: [set(next), RELOAD] })];
  });
}

function isSocket(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true;
}

const LISTS = ['mydestination', 'virtual_mailbox_domains', 'virtual_alias_domains', 'relay_domains'] as const;

/** The lists of Postfix. The first one of its virtual mailboxes, or else that of the machine, gets what is missing. */
function domainsOf(parameters: readonly Parameter[]): DomainList {
  const lists = LISTS.map((name) => ({ name, value: outputOf('postconf', ['-h', '-x', name])?.trim() ?? '' }));
  const valueOf = (name: (typeof LISTS)[number]): string => lists.find((each) => each.name === name)?.value ?? '';
  const name = valueOf('virtual_mailbox_domains') === '' ? 'mydestination' : 'virtual_mailbox_domains';
  const written = parameters.find((each) => each.name === name)?.value ?? valueOf(name);
  return {
    where: name,
    has: (domain) => spellingsOf(domain).every((each) => lists.some((list) => hasDomain(list.value, each))),
    add(domains) {
      const next = [written, ...domains.flatMap(spellingsOf)].filter((each) => each !== '').join(', ');
      return [`postconf -e ${quote(`${name} = ${next}`)}`, RELOAD];
    },
  };
}

/** Postfix compares domains as they are written. */
function spellingsOf(domain: string): readonly string[] {
  return [...new Set([domain, domainToUnicode(domain)])];
}

/** Whether a list of domains and tables has a domain. Postfix itself looks into the tables. */
function hasDomain(list: string, domain: string): boolean {
  return list.split(/[\s,]+/).some((each) => {
    if (!each.includes(':')) return each.toLowerCase() === domain;
    return outputOf('postmap', ['-q', domain, each]) !== null;
  });
}

function linesOf(program: string, args: readonly string[]): readonly string[] {
  return (outputOf(program, args) ?? '').split('\n').filter((line) => line !== '');
}
