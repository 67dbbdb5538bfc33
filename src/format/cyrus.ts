import { CONTROL, type Flaw, foldLocal } from '../address/address.ts';
import { parseDomain } from '../address/domain.ts';
import { LONGEST_NAME } from '../address/written.ts';
import { type Mailbox, parseFolder } from '../record/mailbox.ts';
import { NOBODY } from '../vocabulary.ts';
import { fromImapUtf7 } from './utf7.ts';

/** Settings of imapd.conf(5) that are not in the list. */
export interface CyrusOptions {
  /** The domain of mailboxes that have none in the list, as parseDomain spells it. */
  readonly defaultDomain: string;
  /** How a client separates the folders of a detail: `/` if unixhierarchysep is on, `.` if it is off. */
  readonly separator: '/' | '.';
}

export interface CyrusList {
  readonly mailboxes: readonly Mailbox[];
  /** Entries of the list that no mail server can ask for. Deleted ones are not among them. */
  readonly leftOut: readonly LeftOut[];
  /** Whether the name of a user has an @. Only virtdomains: off allows that, and smmapd then ignores the domain of a key. */
  readonly withoutDomains: boolean;
}

export interface LeftOut {
  readonly name: string;
  readonly reason: string;
}

interface Entry {
  readonly name: string;
  readonly mbtype: string;
  readonly acl: Readonly<Record<string, string>>;
  /** Which server of a murder has it. Empty outside a murder. */
  readonly server: string;
}

const GONE = /[di]/; // of mbtype: deleted, or exists only because of its folders; smmapd finds neither
const DELETED = /^(?:[^!]*!)?DELETED\./; // delete_mode: delayed keeps these for a while, with their old rights
const POST = 'p'; // RFC 4314
const FLAT = /^[^\t]+\t\d+ [^\t]*\t/; // name, type and partition, rights

/** Reads a list line by line. */
export interface CyrusReader {
  /** Takes the next line. If the result is a Flaw, the list is refused. */
  take(line: string): Flaw | null;
  /** The list, after its last line. */
  end(): CyrusList | Flaw;
}

/**
 * Reads the lines that `ctl_mboxlist -d` of Cyrus 3 prints: users with their folders, and for each domain a mailbox NOBODY with
 * the shared folders that anybody may post to. If the list is cut off or odd anywhere, the result is a Flaw: half of a list
 * would cause wrong NOTFOUNDs.
 */
export function parseCyrusList(lines: Iterable<string>, options: CyrusOptions): CyrusList | Flaw {
  const reader = createCyrusReader(options);
  for (const line of lines) {
    const flaw = reader.take(line);
    if (flaw !== null) return flaw;
  }
  return reader.end();
}

/** The same for a list that is too long to be read at once. */
export function createCyrusReader(options: CyrusOptions): CyrusReader {
  const found = createCollection();
  const leftOut: LeftOut[] = [];
  const entries = createEntries();
  let withoutDomains = false;
  const refused = ({ flaw }: Flaw): Flaw => ({ flaw: `is not a complete list of ctl_mboxlist -d: ${flaw}` });
  return {
    take(line) {
      const entry = entries.take(line);
      if (entry === null) return null;
      if ('flaw' in entry) return refused(entry);
      if (GONE.test(entry.mbtype) || DELETED.test(entry.name)) return null;
      const reason = collect(found, entry, options);
      if (reason !== null) leftOut.push({ name: entry.name, reason });
      withoutDomains ||= /^user\.[^.]*@/.test(entry.name);
      return null;
    },
    end() {
      const flaw = entries.end();
      return flaw === null ? { mailboxes: found.mailboxes(), leftOut, withoutDomains } : refused(flaw);
    },
  };
}

/** Adds one entry. If smmapd can never find it, returns the reason. */
function collect(found: Collection, { name, acl, server }: Entry, options: CyrusOptions): string | null {
  if (name.length > LONGEST_NAME) return 'its name is too long for a mailbox of Cyrus';
  const mark = domainMarkOf(name);
  const domain = mark === -1 ? options.defaultDomain : name.slice(0, mark);
  if (parseDomain(domain) !== domain) return 'its domain is not in lower case (keys are), or not valid';
  if (mark !== -1 && domain === options.defaultDomain) return 'it is hidden by the default domain';
  const boxes = name.slice(mark + 1).split('.');
  const path = mayAnybodyPost(acl) ? readPath(boxes, options.separator) : null; // also of a user
  if (typeof path === 'string') found.foldersOf(NOBODY, domain).add(path);
  const [first, user, ...below] = boxes;
  if (first !== 'user' || user === undefined) {
    found.foldersOf(NOBODY, domain); // also without folders, so that an import removes those that nobody may post to any more
    return path !== null && typeof path !== 'string' ? path.flaw : null;
  }
  if (/[A-Z]/.test(user)) return 'its user is not in lower case (keys are)';
  if (user.includes('+')) return 'its user has a +, and a key is split there';
  if (user === '' || CONTROL.test(user)) return 'no key can have the name of its user';
  const folder = below.length === 0 ? null : readPath(below, options.separator);
  if (folder !== null && typeof folder !== 'string') return folder.flaw;
  // A folder makes its user exist, even if the user is not listed: more than Cyrus finds, but no folder is lost.
  const local = foldLocal(user.replaceAll('^', '.')); // never decoded: am&-p is am&-p
  const folders = found.foldersOf(local, domain, folder === null ? server : '');
  if (folder !== null) folders.add(folder);
  return null;
}

/**
 * The position of the `!` after the domain, or -1. A name may have a `!` of its own: `user.a!b` is the user `a!b` of the default
 * domain. It could also be a shared folder `b` of a domain `user.a`: Cyrus itself does not distinguish the two.
 */
function domainMarkOf(name: string): number {
  const mark = name.indexOf('!');
  const isDomain = name.startsWith('user.', mark + 1) || (/^[^!]*\./.test(name) && !name.startsWith('user.'));
  return isDomain ? mark : -1;
}

interface Collection {
  /** The folders of a mailbox. The first call creates the mailbox. `server`: which one has it, or "". */
  foldersOf(local: string, domain: string, server?: string): Set<string>;
  mailboxes(): Mailbox[];
}

function createCollection(): Collection {
  const found = new Map<string, { local: string; domain: string; server: string; folders: Set<string> }>();
  return {
    foldersOf(local, domain, server = '') {
      const key = `${domain} ${local}`;
      const mailbox = found.get(key) ?? { local, domain, server: '', folders: new Set() };
      if (server !== '') mailbox.server = server;
      found.set(key, mailbox);
      return mailbox.folders;
    },
    mailboxes: () =>
      [...found.values()].map(({ local, domain, server, folders }) => ({
        about: 'mailbox',
        local,
        domain,
        state: 'active',
        value: server,
        folders: [...folders],
      })),
  };
}

/**
 * Reads the list line by line: it is one JSON object with an entry a line, and on a large server it is longer than a string can
 * be. Cyrus ignores an error of its database (do_dump in ctl_mboxlist.c), so a list without entries proves nothing.
 */
function createEntries(): { take(line: string): Entry | Flaw | null; end(): Flaw | null } {
  let before = ''; // the line before
  let number = 0;
  let entries = 0;
  return {
    take(line) {
      number++;
      if (line === '' && number > 1) return null;
      if (before === '' && FLAT.test(line)) return { flaw: OLD };
      if (before === '' && line !== '{') return { flaw: `line ${number} is not the { with which it must start` };
      if (before !== '' && !follows(before, line)) return { flaw: `line ${number} does not fit the line before it` };
      before = line;
      if (line === '{' || line === '}') return null;
      entries++;
      return readEntry(line.endsWith(',') ? line.slice(0, -1) : line) ?? { flaw: `line ${number} is not a mailbox` };
    },
    end() {
      if (before !== '}') return { flaw: 'it has no } at its end' };
      return entries === 0 ? { flaw: 'it has no mailbox' } : null;
    },
  };
}

const OLD =
  'it is the text of Cyrus before 3.6, but smmap reads the JSON of 3.6 and later; ' +
  'import a list of addresses instead (--format list)';

/** Whether a line may follow another: there is a comma between two entries, and nothing after the last brace. */
function follows(before: string, line: string): boolean {
  if (line === '{') return false;
  if (before === '{') return true;
  return before !== '}' && before.endsWith(',') === (line !== '}');
}

function readEntry(text: string): Entry | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(`{${text}}`);
  } catch {
    return null;
  }
  const [[name, entry] = [], another] = isRecord(parsed) ? Object.entries(parsed) : [];
  if (name === undefined || another !== undefined || !isRecord(entry)) return null;
  const { mbtype, acl, server = '' } = entry;
  if (typeof mbtype !== 'string' || typeof server !== 'string' || !isRights(acl)) return null;
  return { name, mbtype, acl, server };
}

/** Folder names as a client spells them. If the dot separates, a client can write a dot inside a name only as a caret. */
function readPath(boxes: readonly string[], separator: '/' | '.'): string | Flaw {
  const names: string[] = [];
  for (const box of boxes) {
    const name = fromImapUtf7(box);
    if (name === null) return { flaw: 'its name is not in modified UTF-7' };
    if (name === '' || name.includes(separator)) return { flaw: `its name cannot be split at ${separator}` };
    names.push(separator === '/' ? name.replaceAll('^', '.') : name);
  }
  return parseFolder(names.join(separator));
}

/** Whether a mail server may post. It did not log in, so it has the rights of anyone and anonymous. */
function mayAnybodyPost(acl: Entry['acl']): boolean {
  const has = (...names: string[]): boolean => names.some((name) => acl[name]?.includes(POST));
  return has('anyone', 'anonymous') && !has('-anyone', '-anonymous');
}

function isRights(value: unknown): value is Entry['acl'] {
  return isRecord(value) && Object.values(value).every((rights) => typeof rights === 'string');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
