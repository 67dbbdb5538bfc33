import { CONTROL, type Flaw, foldLocal } from '../address/address.ts';
import { parseDomain } from '../address/domain.ts';
import { LONGEST_NAME } from '../address/written.ts';
import { type Mailbox, parseFolder } from '../record/mailbox.ts';
import { NOBODY } from '../vocabulary.ts';

/** What stands in imapd.conf(5) and not in the list. */
export interface CyrusOptions {
  /** The domain of a mailbox that the list gives without one, as parseDomain spells it. */
  readonly defaultDomain: string;
  /** `/` where unixhierarchysep is on, `.` where it is off: how a client separates the folders of a detail. */
  readonly separator: '/' | '.';
}

export interface CyrusList {
  readonly mailboxes: readonly Mailbox[];
  /** What the list holds and no mail server could ever ask for; deleted ones are not counted in. */
  readonly leftOut: readonly LeftOut[];
  /** Whether a user has an @, as only virtdomains: off allows, with which smmapd passes over the domain of a key. */
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
}

const GONE = /[di]/; // of mbtype: deleted, or there for the sake of its folders only; smmapd finds neither
const DELETED = /^(?:[^!]*!)?DELETED\./; // what delete_mode: delayed keeps for a while, with its rights of old
const POST = 'p'; // RFC 4314
const FLAT = /^[^\t]+\t\d+ [^\t]*\t/; // name, type and partition, rights

/**
 * Reads the lines that `ctl_mboxlist -d` of Cyrus 3 prints: users with their folders, and for each domain a mailbox of
 * nobody with the shared folders that anybody may post to. What is cut off or odd anywhere is a Flaw and nothing else,
 * since half of a list would be wrong NOTFOUNDs.
 */
export function parseCyrusList(lines: Iterable<string>, options: CyrusOptions): CyrusList | Flaw {
  const found = createCollection();
  const leftOut: LeftOut[] = [];
  let withoutDomains = false;
  for (const entry of readEntries(lines)) {
    if ('flaw' in entry) return { flaw: `is no whole list of ctl_mboxlist -d: ${entry.flaw}` };
    const { name, mbtype, acl } = entry;
    if (GONE.test(mbtype) || DELETED.test(name)) continue;
    const reason = collect(found, name, mayAnybodyPost(acl), options);
    if (reason !== null) leftOut.push({ name, reason });
    withoutDomains ||= /^user\.[^.]*@/.test(name);
  }
  return { mailboxes: found.mailboxes(), leftOut, withoutDomains };
}

/** Adds what one entry says. Where smmapd never finds it, whatever is asked, gives back why. */
function collect(found: Collection, name: string, shared: boolean, options: CyrusOptions): string | null {
  if (name.length > LONGEST_NAME) return 'its name is longer than a mailbox of Cyrus can have';
  const mark = domainMarkOf(name);
  const domain = mark === -1 ? options.defaultDomain : name.slice(0, mark);
  if (parseDomain(domain) !== domain) return 'its domain is not in lower case, as a key is, or is none';
  if (mark !== -1 && domain === options.defaultDomain) return 'it is hidden behind the default domain';
  const boxes = name.slice(mark + 1).split('.');
  const path = shared ? readPath(boxes, options.separator) : null; // also of a user
  if (typeof path === 'string') found.foldersOf(NOBODY, domain).add(path);
  const [first, user, ...below] = boxes;
  if (first !== 'user' || user === undefined) {
    found.foldersOf(NOBODY, domain); // there, if empty, so that an import takes back what nobody may post to any more
    return path !== null && typeof path !== 'string' ? path.flaw : null;
  }
  if (/[A-Z]/.test(user)) return 'its user is not in lower case, as a key is';
  if (user.includes('+')) return 'its user has a +, where a key is split';
  if (user === '' || CONTROL.test(user)) return 'its user has no name that can be asked for';
  const folder = below.length === 0 ? null : readPath(below, options.separator);
  if (folder !== null && typeof folder !== 'string') return folder.flaw;
  // A folder whose user is not listed makes him exist as well: more than Cyrus finds, but no folder is lost.
  const folders = found.foldersOf(foldLocal(user.replaceAll('^', '.')), domain); // never decoded: am&-p is am&-p
  if (folder !== null) folders.add(folder);
  return null;
}

/**
 * Where the `!` behind the domain is, or -1. A name may have one of its own: `user.a!b` is the user `a!b` of the default
 * domain, though it could be a shared folder `b` of a domain `user.a` as well; Cyrus itself takes the two for one.
 */
function domainMarkOf(name: string): number {
  const mark = name.indexOf('!');
  const isDomain = name.startsWith('user.', mark + 1) || (/^[^!]*\./.test(name) && !name.startsWith('user.'));
  return isDomain ? mark : -1;
}

interface Collection {
  /** The folders of a mailbox, which is made with the first question for it. */
  foldersOf(local: string, domain: string): Set<string>;
  mailboxes(): Mailbox[];
}

function createCollection(): Collection {
  const found = new Map<string, { local: string; domain: string; folders: Set<string> }>();
  return {
    foldersOf(local, domain) {
      const key = `${domain} ${local}`;
      const mailbox = found.get(key) ?? { local, domain, folders: new Set() };
      found.set(key, mailbox);
      return mailbox.folders;
    },
    mailboxes: () =>
      [...found.values()].map(({ local, domain, folders }) => ({
        about: 'mailbox',
        local,
        domain,
        state: 'active',
        value: '',
        folders: [...folders],
      })),
  };
}

/**
 * The list is one JSON object with an entry a line, and is read so, since that of a large server is longer than a string
 * may be. Cyrus passes over an error of its database (do_dump in ctl_mboxlist.c), so that no entries is no answer.
 */
function* readEntries(lines: Iterable<string>): Generator<Entry | Flaw> {
  let before = ''; // the line that came last
  let number = 0;
  let entries = 0;
  for (const line of lines) {
    number++;
    if (line === '' && number > 1) continue;
    if (before === '' && FLAT.test(line)) return yield { flaw: OLD };
    if (before === '' && line !== '{') return yield { flaw: `line ${number} is not the { that it starts with` };
    if (before !== '' && !follows(before, line)) return yield { flaw: `line ${number} does not fit the one before` };
    before = line;
    if (line === '{' || line === '}') continue;
    entries++;
    yield readEntry(line.endsWith(',') ? line.slice(0, -1) : line) ?? { flaw: `line ${number} is no mailbox` };
  }
  if (before !== '}') yield { flaw: 'it has no } at its end' };
  else if (entries === 0) yield { flaw: 'it has no mailbox at all' };
}

const OLD =
  'it is the text of Cyrus before 3.6, and smmap reads the JSON of 3.6 and later; ' +
  'import a list of addresses instead (--format list)';

/** There is a comma between two entries, and nothing behind the last brace. */
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
  const { mbtype, acl } = entry;
  return typeof mbtype === 'string' && isRights(acl) ? { name, mbtype, acl } : null;
}

/** Boxes as a client spells them. Where the dot separates, one within a name can be asked for as a caret only. */
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

/** Modified UTF-7 (RFC 3501, section 5.1.3); null for what is none, or is not in its one right spelling. */
function fromImapUtf7(text: string): string | null {
  if (!text.includes('&')) return text;
  const decoded = text.replace(/&([A-Za-z0-9+,]*)-/g, (_, code: string) =>
    code === '' ? '&' : swapped(Buffer.from(code.replaceAll(',', '/'), 'base64')).toString('utf16le'),
  );
  return toImapUtf7(decoded) === text && !/\p{Surrogate}/u.test(decoded) ? decoded : null;
}

function toImapUtf7(text: string): string {
  return text.replace(/&|[^\x20-\x7e]+/g, (run) => {
    if (run === '&') return '&-';
    const code = swapped(Buffer.from(run, 'utf16le')).toString('base64').replace(/=+$/, '');
    return `&${code.replaceAll('/', ',')}-`;
  });
}

/** Big endian for little endian; an odd byte at the end is dropped, and so shows when it is spelt anew. */
function swapped(units: Buffer): Buffer {
  return units.subarray(0, units.length & ~1).swap16();
}

/** Who did not log in has the rights of anyone and of anonymous; a mail server is nobody else. */
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
