import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { QuestionError } from '../../store.ts';
import { fail } from './folders.ts';

const LIMITS = /^(?:\d+[SC])(?:,\d+[SC])*$/;
const CHANGE = /^ *(-?\d+) +(-?\d+) *$/;

/**
 * Whether a mailbox is full by its file maildirsize (Maildir++): the first line has the limits, such as
 * `1000000S,500C`, and each other line a number of bytes and of messages to add up. Without the file it has no limit.
 */
export async function isOverQuota(maildir: string): Promise<boolean> {
  let text: string;
  try {
    text = await readFile(join(maildir, 'maildirsize'), 'latin1');
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'ENOENT' ? false : fail(cause);
  }
  const isOver = readQuota(text);
  if (isOver === null) throw new QuestionError('the file maildirsize of a mailbox cannot be read as Maildir++');
  return isOver;
}

/** The same for the content of the file. Null if it is not one. */
export function readQuota(text: string): boolean | null {
  const [head = '', ...lines] = text.split('\n');
  if (!LIMITS.test(head.trim())) return null;
  const used = { S: 0, C: 0 };
  for (const line of lines) {
    if (line.trim() === '') continue;
    const [, bytes, messages] = CHANGE.exec(line) ?? [];
    if (bytes === undefined) return null;
    used.S += Number(bytes);
    used.C += Number(messages);
  }
  return head
    .trim()
    .split(',')
    .some((limit) => {
      const most = Number(limit.slice(0, -1));
      return most > 0 && used[limit.at(-1) as 'S' | 'C'] >= most; // 0: no limit
    });
}
