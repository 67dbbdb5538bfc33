import { readFile } from 'node:fs/promises';
import { foldLocal, formatLocal } from '../../../address/address.ts';
import { parsePasswdLine } from '../../../format/passwd.ts';
import { plain, saying } from '../../../message.ts';
import type { Answer, Question } from '../../../vocabulary.ts';
import { CanaryError } from '../../guard/canary.ts';
import { type Bulk, QuestionError, StoreError } from '../../store.ts';
import { getent } from './getent.ts';

export interface PasswdOptions {
  /** The domains whose mailboxes the accounts are. */
  readonly domains: readonly string[];
  /** The lowest and the highest number of an account that has a mailbox. */
  readonly uid: readonly [number, number];
  /** Sources of nsswitch.conf(5) that are no files, and whose absences count. */
  readonly believe: readonly string[];
  /** Accounts that must be found before and after each other one. */
  readonly canaries: readonly string[];
  readonly timeoutMs: number;
  /** The command, and the folder of nsswitch.conf and passwd; tests have their own. */
  readonly command?: readonly string[];
  readonly etc?: string;
}

const FILES = new Set(['files', 'compat', 'db', 'systemd', 'extrausers', 'altfiles', 'mymachines']);
const LONGEST = 255; // bytes
const ODD = /^[+#-]|^\d+$|[:|]/; // getent takes a number for a uid; the others cannot stand in passwd(5)
const CONTROL = /[\0-\x1f\x7f]/; // no account has these: passwd(5) is made of lines

/** The accounts of this system, of all sources of NSS. */
export function createPasswd(options: PasswdOptions): Bulk {
  const { domains, uid, canaries, timeoutMs, command = ['getent'] } = options;
  /** Answers, by the folded names of the accounts that were found. */
  const look = async (names: readonly string[]): Promise<ReadonlyMap<string, Found>> => {
    // The canaries are asked before and after each name: a source that fails in between is noticed.
    const others = names.filter((name) => !canaries.includes(name));
    const lines = await getent(command, [...canaries, ...others.flatMap((name) => [name, ...canaries])], timeoutMs);
    const found = lines.map(readLine);
    const times = (canary: string): number => found.filter(({ name }) => name === canary).length;
    if (canaries.some((canary) => times(canary) !== others.length + 1)) {
      throw new CanaryError(
        'the canary is not found by getent: is a source of accounts down?; getent passwd NAME tests it',
      );
    }
    const asked = new Set([...canaries, ...names].map(foldLocal));
    const other = found.find(({ name }) => !asked.has(foldLocal(name)));
    if (other !== undefined) throw new StoreError(saying`getent found ${other.name}, whom nobody asked for`);
    return new Map(found.map((each) => [foldLocal(each.name), each]));
  };
  const answerFor = (name: string, exact: boolean, found: ReadonlyMap<string, Found>): Answer => {
    const account = found.get(foldLocal(name));
    if (account === undefined || (exact && account.name !== name)) return null;
    return account.uid < uid[0] || account.uid > uid[1] ? null : { value: '', state: 'active' };
  };
  return {
    async lookupAll(questions) {
      const asked = questions.map((question) => nameIn(question, domains));
      const names = [...new Set(asked.filter((name) => typeof name === 'string'))];
      if (names.length === 0) return asked as readonly (null | StoreError)[];
      const found = await look(names);
      const doubt = names.every((name) => found.has(foldLocal(name))) ? null : await doubtOf(options);
      return asked.map((name, at) => {
        if (typeof name !== 'string') return name;
        const { about } = questions[at] as Question;
        const exact = about === 'mailbox' && (questions[at] as { exact: boolean }).exact;
        return answerFor(name, exact, found) ?? (found.has(foldLocal(name)) ? null : doubt);
      });
    },
    atomic: false, // each account is looked up by itself
    close() {},
  };
}

interface Found {
  readonly name: string;
  readonly uid: number;
}

/** The name of the account that a question is about; null if it is about a domain of others. */
function nameIn(question: Question, domains: readonly string[]): string | null | QuestionError {
  if (question.about !== 'mailbox' || question.folder !== null)
    return new QuestionError('an account is only a mailbox');
  const { local, domain } = question;
  if (local === '' || !domains.includes(domain) || CONTROL.test(local)) return null;
  const isAskable = formatLocal(local) === local && !ODD.test(local);
  if (isAskable && Buffer.byteLength(local) <= LONGEST) return local;
  return new QuestionError('getent cannot be asked for such a name');
}

/** Why nobody counts as absent, or null. */
async function doubtOf({ believe, etc = '/etc' }: PasswdOptions): Promise<StoreError | null> {
  const nsswitch = await read(`${etc}/nsswitch.conf`);
  const sources = sourcesIn(nsswitch, 'passwd', 'files');
  if (sources.some((source) => source === 'files' || source === 'compat')) {
    const accounts = await read(`${etc}/passwd`);
    // systemd finds root also without this file, so getent cannot show that the file is lost.
    if (!/^root:/m.test(accounts)) return new StoreError(saying`${plain(etc)}/passwd has no root: was it cut off?`);
    if (sources.includes('compat') && /^[+-]/m.test(accounts))
      sources.push(...sourcesIn(nsswitch, 'passwd_compat', 'nis'));
  }
  const remote = sources.filter((source) => !FILES.has(source) && !believe.includes(source));
  if (remote.length === 0) return null;
  return new QuestionError(
    saying`not found, but the source ${plain(remote.join(', '))} of accounts may say so while its server is down; see believe`,
  );
}

/**
 * The sources of a database in nsswitch.conf(5), without its actions such as [NOTFOUND=return]. Of several lines glibc
 * takes one, and which one depends on its version. It also takes a line with a blank before the colon, or without one.
 */
function sourcesIn(text: string, database: string, usual: string): string[] {
  const lines = [...text.matchAll(new RegExp(`^[ \\t]*${database}[ \\t:]+([^#\\n]*)`, 'gm'))].map(
    ([, line = '']) => line,
  );
  return (lines.length === 0 ? usual : lines.join(' '))
    .replace(/\[[^\]]*\]/g, ' ')
    .split(/\s+/)
    .filter((word) => word !== '');
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new StoreError(saying`${plain(path)} cannot be read: ${plain((cause as Error).message)}`, { cause });
  }
}

function readLine(line: string): Found {
  const mailbox = parsePasswdLine(line, 'localhost', 'passwd');
  if (mailbox === null || 'flaw' in mailbox) throw new StoreError('a line of getent is not one of passwd(5)');
  return { name: mailbox.local, uid: Number(mailbox.value.split(':', 1)[0]) }; // uid:gid:home
}
