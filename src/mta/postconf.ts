import { spawnSync } from 'node:child_process';

/** What the Postfix of this machine has in its configuration. */
export interface Postconf {
  /** A parameter as main.cf has it, or else its default. */
  readonly raw: (name: string) => string;
  /** The same, with the values of the parameters that it names. */
  readonly expanded: (name: string) => string;
  /** Whether lmtp is in a chroot, as master.cf has it: y, n or -. */
  readonly lmtpChroot: string;
  /** What services have for themselves in master.cf, by names such as smtp/inet/receive_override_options. */
  readonly ofServices: ReadonlyMap<string, string>;
}

/** Where postconf is. The PATH of a user who is not root often lacks the second place. */
const PROGRAMS = ['postconf', '/usr/sbin/postconf'];

/** Asks the Postfix of this machine. Null if there is none, or if it does not say. */
export function readPostconf(): Postconf | null {
  for (const program of PROGRAMS) {
    const [raw, expanded] = [readParameters(program, []), readParameters(program, ['-x'])];
    if (raw === null || expanded === null) continue;
    const lmtpChroot = outputOf(program, ['-Fh', 'lmtp/unix/chroot'])?.trim() ?? '';
    const ofServices = readParameters(program, ['-P']) ?? new Map<string, string>();
    const valueIn = (values: ReadonlyMap<string, string>) => (name: string) => values.get(name) ?? '';
    return { raw: valueIn(raw), expanded: valueIn(expanded), lmtpChroot, ofServices };
  }
  return null;
}

function readParameters(program: string, options: readonly string[]): Map<string, string> | null {
  const lines = outputOf(program, options)
    ?.split('\n')
    .map((line) => /^(\S+) =(?: (.*))?$/.exec(line));
  if (lines === undefined) return null;
  return new Map(lines.flatMap((line) => (line === null ? [] : [[line[1] as string, line[2] ?? ''] as const])));
}

function outputOf(program: string, options: readonly string[]): string | null {
  const { status, stdout } = spawnSync(program, options, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return status === 0 ? stdout : null;
}

/** The defaults that are not empty, for a machine without Postfix. */
const DEFAULTS: Readonly<Record<string, string>> = {
  local_recipient_maps: 'proxy:unix:passwd.byname $alias_maps',
  virtual_alias_domains: '$virtual_alias_maps',
  virtual_mailbox_domains: '$virtual_mailbox_maps',
  virtual_transport: 'virtual',
  lmtp_sasl_auth_enable: 'no',
  lmtp_sasl_security_options: 'noplaintext, noanonymous',
  lmtp_sasl_tls_security_options: '$lmtp_sasl_security_options',
};

/** A parameter of main.cf, and how to change it. */
export interface Change {
  readonly name: string;
  /** What main.cf would have. */
  readonly value: string;
  /** The command for a shell. */
  readonly command: string;
  /** What it is now, or the default: a comment. */
  readonly before: string;
  /** Whether it is so already. */
  readonly isDone: boolean;
}

/** Replaces the value of a parameter. */
export function replace(postconf: Postconf | null, name: string, value: string): Change {
  return {
    name,
    value,
    command: `postconf -e ${quote(`${name} = ${value}`)}`,
    before: before(postconf, name),
    isDone: postconf?.raw(name) === value,
  };
}

/**
 * Adds words to the end of a list, and keeps what is there. An empty list begins with `first`. If Postfix is on another machine,
 * the command reads there what to keep.
 */
export function extend(postconf: Postconf | null, name: string, words: readonly string[], first = ''): Change {
  const now = kept(postconf, name);
  const present = withProxy(now === '' ? first : now, words);
  const missing = words.filter((word) => !spaced(present).includes(spaced(word)));
  const change = replace(postconf, name, join(present, ...missing));
  if (postconf !== null) return change;
  const keep = `$(postconf -h${EXPANDED.has(name) ? 'x' : ''} ${name})`;
  return { ...change, command: `postconf -e "${name} = ${join(keep, first, ...words)}"` };
}

const join = (...parts: readonly string[]): string => parts.filter((part) => part !== '').join(' ');

/** A list with one blank around each item, so that an item can be searched for. */
function spaced(list: string): string {
  return ` ${list.split(/[\s,]+/).join(' ')} `;
}

/** Lists whose default is another list, which would change with it. */
const EXPANDED: ReadonlySet<string> = new Set(['virtual_mailbox_domains', 'relay_domains']);

function kept(postconf: Postconf | null, name: string): string {
  if (postconf === null) return EXPANDED.has(name) ? '' : (DEFAULTS[name] ?? '');
  const { raw, expanded } = postconf;
  if (expanded(name) === '') return '';
  return EXPANDED.has(name) && raw(name).startsWith('$') ? expanded(name) : raw(name);
}

/** Tables of smmap that were written without proxy: get it. */
function withProxy(list: string, words: readonly string[]): string {
  return words.reduce((text, word) => {
    const table = word.split(' ').pop() as string;
    const bare = table.replace(/^proxy:/, '');
    return text
      .split(/(?<=[\s,])|(?=[\s,])/)
      .map((each) => (each === bare ? table : each))
      .join('');
  }, list);
}

function before(postconf: Postconf | null, name: string): string {
  const value = postconf === null ? (DEFAULTS[name] ?? '') : postconf.raw(name);
  return `# ${postconf === null ? 'default' : 'now'}: ${`${name} = ${value}`.trimEnd()}`;
}

/** A text as one word of a shell. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** The items of a list, in lower case. */
export function itemsOf(list: string): string[] {
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((item) => item !== '');
}
