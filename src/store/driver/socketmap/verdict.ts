import { foreign, plain, saying } from '../../../message.ts';
import {
  type Answer,
  DEFAULT_CLASS,
  isClass,
  NOBODY,
  type Question,
  type Reply,
  type State,
} from '../../../vocabulary.ts';
import { QuestionError } from '../../store.ts';

/** The texts of TEMP and PERM for a mailbox that exists and is full: of Cyrus, and of smmap as it is installed. */
const FULL: ReadonlySet<string> = new Set(['Over quota', 'mailbox is over quota']);

/** How PERM replies of Cyrus begin that say nothing about a mailbox: it did not understand us, or a file is damaged. */
export const NO_VERDICT = /^(?:Bad protocol|Mailbox has an invalid format)/;

/**
 * What a reply says about the entry that was asked for by `payload`. NOTFOUND is the only absence. Throws QuestionError
 * for everything that is no verdict: such a reply may be about this one entry only, so it is no outage of the server.
 */
export function answerFrom(reply: Reply, question: Question, payload: string, disabled: readonly string[]): Answer {
  if (reply.kind === 'NOTFOUND') {
    if (isSharedFolder(question)) throw new QuestionError(SHARED);
    return null;
  }
  if (reply.kind === 'OK') return { value: valueFrom(reply.value, question, payload), state: 'active' };
  const state = question.about === 'mailbox' ? stateFrom(reply, disabled) : null;
  if (state === null) throw new QuestionError(saying`the server says ${plain(reply.kind)}: ${foreign(reply.reason)}`);
  return { value: '', state };
}

/** smmapd looks for shared folders only in the default domain, and only with the user of postuser before them. */
const SHARED = 'the server does not find a shared folder, which may have another domain or postuser';

/** Whether a question is about a shared folder: a map without `shared_user` asks for `+folder` as it stands. */
function isSharedFolder(question: Question): boolean {
  if (question.about !== 'mailbox') return false;
  const { local, folder, exact } = question;
  return folder === null ? exact && local.length > 1 && local.startsWith('+') : local === NOBODY;
}

function valueFrom(value: string, { about }: Question, payload: string): string {
  if (about === 'mailbox') return payload.endsWith(` ${value}`) ? '' : value; // Cyrus repeats the key: that is no value
  if (about !== 'domain') return value;
  const word = value.toLowerCase();
  return isClass(word) ? word : DEFAULT_CLASS; // most servers say `OK 1`, or repeat the domain
}

function stateFrom({ kind, reason }: Extract<Reply, { readonly reason: string }>, disabled: readonly string[]) {
  if (kind === 'TIMEOUT') return null;
  if (FULL.has(reason)) return 'overquota' satisfies State;
  return kind === 'PERM' && disabled.includes(reason) ? ('disabled' satisfies State) : null;
}
