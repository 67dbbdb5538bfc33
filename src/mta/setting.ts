import type { Config, ListenerConfig } from '../config/config.ts';
import type { Endpoint } from '../endpoint.ts';
import { alias } from '../map/alias.ts';
import { domain } from '../map/domain.ts';
import type { Kind } from '../map/kind.ts';
import { aliasDomainsOf, optionsOf } from '../map/kinds.ts';
import type { MailboxOptions } from '../map/mailbox-keys.ts';
import { mailbox } from '../map/mailbox.ts';
import { table } from '../map/table.ts';
import { pathOf } from '../store/driver/embedded/keys.ts';
import type { Mistake } from '../toml/type.ts';
import type { DomainClass } from '../vocabulary.ts';
import { type Postconf, quote } from './postconf.ts';

/** What the configuration of a mail server depends on. */
export interface Setting {
  /** Where it asks smmap. */
  readonly server: Endpoint;
  /** Where it delivers mail. */
  readonly lmtp: Endpoint;
  /** Whether --lmtp says so. */
  readonly isLmtpGiven: boolean;
  /** What the Postfix of this machine has. Null if there is none, or if the printout is for another mail server. */
  readonly postconf: Postconf | null;
  /** How long it should wait for a reply: longer than the daemon ever takes. */
  readonly patienceSeconds: number;
  /** In the order of the configuration. The map that answers every name is last, under its usual name. */
  readonly mailboxes: readonly MailboxMap[];
  /** The map that says whether a mailbox exists. */
  readonly mailbox: string;
  readonly aliases: readonly string[];
  readonly domains: readonly DomainMap[];
  readonly tables: readonly string[];
  readonly defaultDomain: string | null;
  readonly localDomains: readonly string[];
  /** What each alias domain of the maps stands for. */
  readonly aliasDomains: ReadonlyMap<string, string>;
  /** The file of the configuration, if commands do not find it without --config. */
  readonly config?: string;
  /** The folder of the embedded store. Null if there is none. */
  readonly store: string | null;
  /** The names of the stores that no command can list. */
  readonly otherStores: readonly string[];
  /** Notes that are printed, and are not mistakes. */
  readonly notes: readonly string[];
}

/** A map of kind mailbox, and the text after its OK. */
export interface MailboxMap {
  readonly name: string;
  readonly reply: MailboxOptions['reply'];
  readonly defaultDomain: string | null;
}

/** A map of kind domain. Without a class it finds every domain. */
export interface DomainMap {
  readonly name: string;
  readonly class: DomainClass | null;
}

/** A file of a mail server, or a part of one. */
export interface MtaFile {
  /** Its name with --write. */
  readonly name: string;
  /** Where it belongs. */
  readonly title: string;
  readonly text: string;
}

/** Everything that is printed for one mail server. */
export interface Printout {
  readonly files: readonly MtaFile[];
  /** Files that --write makes too, and that are not printed. */
  readonly written?: readonly MtaFile[];
  /** Commands that come before the tests. They change something. */
  readonly steps?: readonly string[];
  /** Commands that show whether it works, and change nothing. After `    # `, what they should print or an explanation. */
  readonly tests: readonly string[];
  /** Notes that are printed, and are not mistakes. */
  readonly notes?: readonly string[];
}

/** A mail server that can ask smmap. */
export interface Mta {
  readonly protocol: ListenerConfig['protocol'];
  /** Whether it can ask over TCP. */
  readonly tcp: boolean;
  /** The name by which it asks a map that answers every name. */
  readonly everyName: Readonly<Record<'mailbox' | 'alias' | 'domain', string>>;
  /** What the mail server needs and the setting lacks. */
  readonly lacks: (setting: Setting) => readonly Mistake[];
  readonly print: (setting: Setting) => Printout;
}

/** Reads what a mail server needs from a configuration. Returns mistakes if the configuration lacks something. */
export function readSetting(
  config: Config,
  mta: Mta,
  lmtp: Endpoint | null,
  postconf: Postconf | null = null,
): Setting | readonly Mistake[] {
  const listener = chooseListener(config, mta);
  const maps = [...config.maps].toSorted(([a], [b]) => Number(a === '*') - Number(b === '*'));
  const named = <O>(kind: Kind<O>, everyName: string): { name: string; options: O }[] =>
    maps.flatMap(([name, map]) => {
      const options = optionsOf(map, kind);
      if (options === null || (name === '*' && config.maps.has(everyName))) return [];
      return [{ name: name === '*' ? everyName : name, options }];
    });
  const mailboxes = named(mailbox, mta.everyName.mailbox);
  const chosen = mailboxes.find(({ options }) => typeof options.reply === 'string') ?? mailboxes[0];
  const mistakes: Mistake[] = 'reason' in listener ? [listener] : [];
  if (chosen === undefined) return [...mistakes, NO_MAILBOXES];

  const stores = [...config.stores.values()];
  const setting: Setting = {
    server: 'reason' in listener ? { kind: 'unix', path: '' } : listener.endpoint,
    lmtp: lmtp ?? LMTP,
    isLmtpGiven: lmtp !== null,
    postconf,
    patienceSeconds: Math.ceil(config.limits.deadlineMs / 1_000) + 2,
    mailboxes: mailboxes.map(({ name, options }) => ({
      name,
      reply: options.reply,
      defaultDomain: options.defaultDomain,
    })),
    mailbox: chosen.name,
    aliases: named(alias, mta.everyName.alias).map(({ name }) => name),
    domains: named(domain, mta.everyName.domain).map(({ name, options }) => ({ name, class: options.class })),
    tables: named(table, '*')
      .map(({ name }) => name)
      .filter((name) => name !== '*'),
    defaultDomain: chosen.options.defaultDomain,
    localDomains: [...chosen.options.localDomains].filter((each) => each !== '*'),
    aliasDomains: aliasDomainsOf(config.maps.values()),
    store: stores.map(pathOf).find((path) => path !== null) ?? null,
    otherStores: [...config.stores].filter(([, each]) => pathOf(each) === null).map(([name]) => name),
    notes: 'reason' in listener ? [] : listener.notes,
  };
  mistakes.push(...mta.lacks(setting), ...oddities(setting));
  return mistakes.length > 0 ? mistakes : setting;
}

const ONE_WORD = /^[\w./:@%+=,-]*$/;
const PATH = /^[\w./:@%+=-]*$/; // a comma separates tables in main.cf
const NAME = /^[\w./@%+=-]*$/; // Postfix takes what follows the last colon

/** Paths and names that the configuration of a mail server, or a shell, would not take for one word. */
function oddities({ server, lmtp, mailboxes, aliases, domains, tables }: Setting): readonly Mistake[] {
  const names = [...mailboxes.map(({ name }) => name), ...aliases, ...domains.map(({ name }) => name), ...tables];
  const texts = [
    ...[server, lmtp].flatMap((each) => (each.kind === 'unix' ? [['listen', each.path, PATH] as const] : [])),
    ...names.map((name) => ['map', name, NAME] as const),
  ];
  return texts
    .filter(([, text, allowed]) => !allowed.test(text))
    .map(([key, text]) => ({
      key,
      reason: `has ${JSON.stringify(text)}, which a mail server and a shell do not take for one word`,
      remedy: `use letters, digits and . _ - / @ % + = ${key === 'map' ? '' : ': '}only`,
    }));
}

/** Where Cyrus takes mail. */
const LMTP: Endpoint = { kind: 'unix', path: '/run/cyrus/socket/lmtp' };

const NO_MAILBOXES: Mistake = {
  key: 'map',
  reason: 'no map says which mailboxes exist',
  remedy: add('[map.mailbox]', 'kind = "mailbox"'),
};

/** A remedy: lines to add to the file, indented so that they can be copied. */
export function add(...lines: readonly string[]): string {
  return `add\n${lines.map((line) => `    ${line}`).join('\n')}`;
}

/** The first listener that this mail server can ask. A socket of systemd is chosen only if there is no other. */
function chooseListener(
  { listeners }: Config,
  { protocol, tcp }: Mta,
): Mistake | { readonly endpoint: Endpoint; readonly notes: readonly string[] } {
  const speaking = [...listeners].filter(([, each]) => each.protocol === protocol);
  for (const [, each] of speaking) {
    if (each.kind === 'unix') return { endpoint: { kind: 'unix', path: each.path }, notes: [] };
    if (each.kind === 'tcp' && tcp) return { endpoint: { kind: 'tcp', host: each.host, port: each.port }, notes: [] };
  }
  for (const [name, each] of speaking) {
    if (each.kind !== 'systemd') continue;
    const path = `/run/smmap/${each.name}.sock`;
    const note = `listen.${name}: systemd holds this socket; ${each.name}.socket must have ListenStream=${path}`;
    return { endpoint: { kind: 'unix', path }, notes: [note] };
  }
  const key = protocol === 'line' ? 'line' : 'mta';
  const place = `path = "/run/smmap/${protocol === 'line' ? 'line' : 'smmap'}.sock"`;
  const what = tcp ? 'listener' : 'listener with a path';
  return {
    key: 'listen',
    reason: `no ${what} speaks the protocol of this mail server, ${protocol}`,
    remedy: add(`[listen.${key}]`, place, `protocol = "${protocol}"`),
  };
}

/** The command that lists all domains of the embedded store and of the maps. Without such a store, those that the maps name. */
export function listDomains({ config, store, defaultDomain, aliasDomains }: Setting): string {
  if (store === null) {
    const named = [...(defaultDomain === null ? [] : [defaultDomain]), ...aliasDomains.keys()];
    return `printf '%s mailbox\\n' ${named.length === 0 ? 'example.org' : named.join(' ')}`;
  }
  return `smmap domain list --all${config === undefined ? '' : ` --config ${wordOf(config)}`}${storeOption(store)}`;
}

/** The command that writes a list of domains with awk. If they cannot be read, the file stays: without them, all mail is refused. */
export function writeDomains(list: string, program: string, file: string): string {
  return `${list} > ${file}.list && awk '${program}' ${file}.list > ${file}.new && mv ${file}.new ${file}`;
}

/** A note on the domains that are not in the lists of listDomains. */
export function notesOnLists({ otherStores }: Setting): string[] {
  if (otherStores.length === 0) return [];
  return [
    `the lists of domains are without those that only store.${otherStores.join(', store.')} has: add them yourself`,
  ];
}

/** The option of a command that names the embedded store. */
export function storeOption(store: string | null): string {
  return store === null ? '' : ` --store ${wordOf(store)}`;
}

/** A path as one word of a shell. */
function wordOf(path: string): string {
  return ONE_WORD.test(path) ? path : quote(path);
}

/** The text of a file: lines, each with a line end. Null is left out. */
export function textOf(...lines: readonly (string | null)[]): string {
  return `${lines.filter((line) => line !== null).join('\n')}\n`;
}

/** An address to test with. */
export function sample({ defaultDomain }: Setting, local = 'fred'): string {
  return `${local}@${defaultDomain ?? 'example.org'}`;
}
