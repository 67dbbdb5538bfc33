import { readdir } from 'node:fs/promises';
import { foldLocal } from '../../../address/address.ts';
import { unicodeOf } from '../../../address/domain.ts';
import { fromImapUtf7 } from '../../../format/utf7.ts';
import { plain, saying } from '../../../message.ts';
import { type Answer, DEFAULT_CLASS, type MailboxQuestion, NOBODY, type Question } from '../../../vocabulary.ts';
import { CanaryError } from '../../guard/canary.ts';
import { otherSpelling } from '../../guard/spellings.ts';
import { type Bulk, QuestionError, StoreError, toStoreError } from '../../store.ts';
import { fail, type Folders, withFolders } from './folders.ts';
import { type Layout, namesFor } from './layout.ts';
import { isOverQuota } from './quota.ts';

export interface MaildirOptions {
  readonly layout: Layout;
  /** Mailboxes that must be there in the same moment in which another one is absent: those of its domain, or else all. */
  readonly canaries: readonly MailboxQuestion[];
  /** Whether the file maildirsize of a mailbox is read. */
  readonly quota: boolean;
}

/**
 * Mailboxes that are folders. The questions of a batch are asked one after the other, so a file server that hangs holds
 * one thread for each batch under way.
 */
export function createMaildir({ layout, canaries, quota }: MaildirOptions): Bulk {
  const lookup = async (folders: Folders, question: Question): Promise<Answer> => {
    if (question.about === 'mailbox' && question.local === NOBODY) return null; // shared folders have no place here
    const names = namesFor(layout, question);
    if (names === null) {
      throw new QuestionError('no folder can have such a name, and the mail server may write it in another way');
    }
    if (names.includes('lost+found')) throw new QuestionError('lost+found is a folder of the file system');
    const path = await folders.find(names);
    if (path === null) return null;
    if (question.about === 'domain') return { value: DEFAULT_CLASS, state: 'active' };
    if (question.about !== 'mailbox') throw new QuestionError('only mailboxes and domains are folders');
    if (question.folder !== null && !(await hasFolder(path, question, question.folder))) return null;
    return { value: '', state: quota && (await isOverQuota(path)) ? 'overquota' : 'active' };
  };
  const flawOf = async (folders: Folders, canary: MailboxQuestion): Promise<StoreError | null> => {
    try {
      for (const spelling of [canary, otherSpelling(canary)]) {
        if (spelling !== null && (await folders.findThere(namesFor(layout, spelling) ?? [])) !== null) return null;
      }
    } catch (cause) {
      return new StoreError(saying`the canary cannot be looked at: ${toStoreError(cause)}`, { cause });
    }
    return new CanaryError(
      saying`the canary is not found below ${plain(layout.root)}: is its file system mounted?; mount it, or correct path`,
    );
  };
  /** Puts an error in the place of each absence whose canaries are not all there. */
  const doubtAbsences = async (
    folders: Folders,
    questions: readonly Question[],
    answers: (Answer | StoreError)[],
  ): Promise<void> => {
    const flaws = new Map<MailboxQuestion, StoreError | null>();
    for (const [at, question] of questions.entries()) {
      if (answers[at] !== null) continue;
      const near = canaries.filter((canary) => 'domain' in question && isOf(question.domain, canary));
      for (const canary of near.length > 0 ? near : canaries) {
        if (!flaws.has(canary)) flaws.set(canary, await flawOf(folders, canary));
        answers[at] ??= flaws.get(canary) as StoreError | null;
      }
    }
  };
  return {
    lookupAll: (questions) =>
      withFolders(layout.root, async (folders) => {
        const answers: (Answer | StoreError)[] = [];
        for (const question of questions) {
          answers.push(await lookup(folders, question).catch((cause: unknown) => toStoreError(cause)));
        }
        await doubtAbsences(folders, questions, answers);
        return answers;
      }),
    atomic: false, // a folder may be renamed between two looks
    close() {},
  };
}

/** Whether a domain is that of a canary, in one of its spellings. */
function isOf(domain: string, canary: MailboxQuestion): boolean {
  return domain === canary.domain || domain === unicodeOf(canary.domain);
}

/** Whether a mailbox has a folder of Maildir++: `.abc.deep` for abc/deep or abc.deep, in modified UTF-7 or UTF-8. */
async function hasFolder(path: string, { anyCase }: MailboxQuestion, folder: string): Promise<boolean> {
  const spell = (name: string): string => (anyCase ? foldLocal(name) : name.normalize('NFC'));
  const wanted = spell(folder.replaceAll('/', '.'));
  try {
    const entries = await readdir(path, { withFileTypes: true });
    if (entries.length === 0) throw new QuestionError('the mailbox is empty: is a file system not mounted there?');
    return entries.some((entry) => {
      if (!entry.name.startsWith('.') || entry.isFile()) return false;
      const name = entry.name.slice(1);
      return spell(fromImapUtf7(name) ?? name) === wanted;
    });
  } catch (cause) {
    if (cause instanceof StoreError) throw cause;
    return fail(cause);
  }
}
