import { stat } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { foldLocal } from '../../../address/address.ts';
import type { CyrusOptions } from '../../../format/cyrus.ts';
import { plain, saying } from '../../../message.ts';
import type { Mailbox } from '../../../record/mailbox.ts';
import { formatOwner } from '../../../record/owner.ts';
import type { Answer, MailboxQuestion, Question } from '../../../vocabulary.ts';
import { type Brake, largeIn, type Loss, MOST_EXAMPLES } from '../../brake.ts';
import type { DriverEvents } from '../../driver.ts';
import { type Bulk, ClosedError, ReplicaError, StoreError, toStoreError } from '../../store.ts';
import type { CyrusConfig } from './keys.ts';
import { readList } from './list.ts';

/** The list of mailboxes in a file. */
export interface Snapshot {
  /** Finds what is in the list. What is not in it may be new: that is a ReplicaError. */
  readonly bulk: Bulk;
  /** Takes a list that is held back. */
  readonly brake: Brake;
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
  let held: readonly Loss[] = [];
  let reading: Promise<unknown> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  /** Reads the file, and takes it if it has not lost much. `isReleased`: also if it has. Resolves to what it has lost. */
  const load = async (mtimeMs: number, isReleased: boolean): Promise<Loss> => {
    const read = await readList(path, options);
    if ('flaw' in read) throw new StoreError(`${path} ${read.flaw}`);
    const now = await indexOf(read.mailboxes);
    const loss = await lossOf(list, now);
    held = !isReleased && largeIn([loss]) !== undefined ? [loss] : [];
    if (held.length > 0) {
      events.shrank('mailbox', loss.before, loss.after, true);
    } else {
      list = now;
      writtenAt = mtimeMs;
    }
    return loss;
  };
  /** Reads the file if it is another one than before, or if it is released. */
  const see = async (isReleased: boolean): Promise<readonly Loss[]> => {
    try {
      const { ino, size, mtimeMs, ctimeMs } = await stat(path);
      const version = `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
      if (version === seen && !isReleased) return [];
      seen = version;
      const loss = await load(mtimeMs, isReleased);
      failure = null;
      return [loss];
    } catch (cause) {
      if (!(cause instanceof StoreError)) seen = ''; // the same file may come back
      failure = toStoreError(cause);
      throw failure;
    }
  };
  /** Never reads the file twice at a time. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = reading.then(work);
    reading = result.catch(() => {});
    return result;
  };
  const look = async (): Promise<void> => {
    await inTurn(() => see(false)).catch(() => {}); // `failure` tells it
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
    brake: {
      held: () => held,
      release: () => inTurn(async () => (held.length === 0 ? [] : await see(true))),
    },
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

/** The mailboxes of the list before that are not in the new one. */
async function lossOf(before: List, now: List): Promise<Loss> {
  const examples: string[] = [];
  let gone = 0;
  let seen = 0;
  for (const [key, { local, domain }] of before) {
    if (!now.has(key) && ++gone <= MOST_EXAMPLES) examples.push(formatOwner(local, domain));
    if (++seen % AT_ONCE === 0) await nextTurn();
  }
  return { kind: 'mailbox', before: before.size, after: now.size, gone, examples };
}
