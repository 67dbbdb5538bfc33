import { stat } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { foldLocal } from '../../../address/address.ts';
import type { CyrusOptions } from '../../../format/cyrus.ts';
import { plain, saying } from '../../../message.ts';
import type { Mailbox } from '../../../record/mailbox.ts';
import type { Answer, MailboxQuestion, Question } from '../../../vocabulary.ts';
import type { DriverEvents } from '../../driver.ts';
import { isLargeLoss } from '../../loss.ts';
import { type Bulk, ClosedError, ReplicaError, StoreError, toStoreError } from '../../store.ts';
import type { CyrusConfig } from './keys.ts';
import { readList } from './list.ts';

/** The list of mailboxes in a file. */
export interface Snapshot {
  /** Finds what is in the list. What is not in it may be new: that is a ReplicaError. */
  readonly bulk: Bulk;
  /** The server of a murder that has a mailbox. Empty if the list does not say it. */
  readonly serverOf: (question: MailboxQuestion) => string;
}

type List = ReadonlyMap<string, Mailbox>;

const LOOK_MS = 1_000;
const MOST_AGE_MS = 86_400_000;
const AT_ONCE = 5_000; // mailboxes, in one turn of the event loop

/**
 * Reads the list, and reads it again whenever the file is replaced. A list that lost many mailboxes is not used: the one
 * before it stays. The list is read in small parts, so that the other work of the process goes on.
 */
export function openSnapshot(
  { snapshot: path, ...options }: Pick<CyrusConfig, 'snapshot' | keyof CyrusOptions>,
  events: Pick<DriverEvents, 'shrank'>,
): Snapshot {
  let list: List = new Map();
  let writtenAt = 0;
  let failure: StoreError | null = null;
  let seen = '';
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const load = async (mtimeMs: number): Promise<void> => {
    const read = await readList(path, options);
    if ('flaw' in read) throw new StoreError(`${path} ${read.flaw}`);
    const now = await indexOf(read.mailboxes);
    const going = await countMissing(list, now);
    if (isLargeLoss(going, list.size)) return events.shrank('mailbox', list.size, now.size);
    list = now;
    writtenAt = mtimeMs;
  };
  const look = async (): Promise<void> => {
    try {
      const { ino, size, mtimeMs, ctimeMs } = await stat(path);
      const version = `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
      if (version !== seen) {
        seen = version;
        await load(mtimeMs);
        failure = null;
      }
    } catch (cause) {
      if (!(cause instanceof StoreError)) seen = ''; // the same file may come back
      failure = toStoreError(cause);
    }
    if (!closed) timer = setTimeout(() => void look(), LOOK_MS).unref();
  };
  const begun = look();

  const find = (question: Question): Mailbox | undefined =>
    question.about === 'mailbox' ? list.get(keyOf(question)) : undefined;
  const checkUsable = (): void => {
    if (closed) throw new ClosedError();
    if (failure !== null) throw failure;
    const hours = Math.floor((Date.now() - writtenAt) / 3_600_000);
    if (Date.now() - writtenAt > MOST_AGE_MS) {
      throw new StoreError(
        saying`${plain(path)} is ${hours} hours old; start the timer that writes it: systemctl status cyrus-list`,
      );
    }
  };
  return {
    serverOf: (question) => find(question)?.value ?? '',
    bulk: {
      async lookupAll(questions) {
        await begun;
        checkUsable();
        return questions.map((question) => answerFrom(find(question), question) ?? new ReplicaError(MAY_BE_NEW));
      },
      atomic: false,
      close() {
        closed = true;
        clearTimeout(timer);
      },
    },
  };
}

const MAY_BE_NEW =
  'not found in the list, which may be older than the mailbox: only smmapd can say that it does not exist';

function answerFrom(mailbox: Mailbox | undefined, question: Question): Answer {
  if (mailbox === undefined || question.about !== 'mailbox') return null;
  const { folder, anyCase } = question;
  const isSame = (name: string): boolean => name === folder || (anyCase && foldLocal(name) === foldLocal(folder ?? ''));
  if (folder !== null && !mailbox.folders.some(isSame)) return null;
  return { value: mailbox.value, state: mailbox.state };
}

function keyOf({ local, domain }: Pick<Mailbox, 'local' | 'domain'>): string {
  return `${domain} ${local}`;
}

/** The mailboxes of the list by their names. */
async function indexOf(mailboxes: readonly Mailbox[]): Promise<List> {
  const list = new Map<string, Mailbox>();
  for (const mailbox of mailboxes) {
    list.set(keyOf(mailbox), mailbox);
    if (list.size % AT_ONCE === 0) await nextTurn();
  }
  return list;
}

/** How many mailboxes of the list before are not in the new one. */
async function countMissing(before: List, now: List): Promise<number> {
  let missing = 0;
  let seen = 0;
  for (const key of before.keys()) {
    if (!now.has(key)) missing++;
    if (++seen % AT_ONCE === 0) await nextTurn();
  }
  return missing;
}
