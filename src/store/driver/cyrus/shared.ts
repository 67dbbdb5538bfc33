import { foldLocal } from '../../../address/address.ts';
import { NOBODY, type Question } from '../../../vocabulary.ts';

const SEPARATOR = '+'; // Cyrus has no other one

/**
 * The same question, about a shared folder if its mailbox is `postuser+folder`, as it was written: a map without
 * `shared_user` asks in this way before it says that nothing exists. Any other question is returned as it is. A name that
 * was case-folded is none: Cyrus compares the case of a folder.
 */
export function asSharedFolder(question: Question, postuser: string): Question {
  if (question.about !== 'mailbox' || question.folder !== null || !question.exact) return question;
  const start = postuser.length + SEPARATOR.length;
  const { local } = question;
  if (local.length <= start || foldLocal(local.slice(0, start)) !== foldLocal(postuser + SEPARATOR)) return question;
  return { ...question, local: NOBODY, folder: local.slice(start).normalize('NFC') };
}

/** Whether Cyrus can certainly not have such a mailbox: it splits a key at the first +, so no user has one. */
export function cannotExist(question: Question, postuser: string): boolean {
  const asked = asSharedFolder(question, postuser);
  return asked.about === 'mailbox' && asked.local.includes(SEPARATOR);
}
