import { foreign, saying } from '../../../message.ts';
import type { Answer } from '../../../vocabulary.ts';
import { QuestionError } from '../../store.ts';
import { type Reply, wordsOfReply } from './reply.ts';

/**
 * What the reply to RCPT TO says of a mailbox. `unknown` are the texts by which a server without enhanced status codes
 * says that it has no such mailbox; `<>` stands for the address. Every reply that is not known exactly is a doubt: a
 * QuestionError, because another recipient may have a clear answer.
 */
export function verdictOf(reply: Reply, path: string, unknown: readonly string[] = []): Answer | QuestionError {
  const { code, status, texts } = reply;
  if ((code === 250 || code === 251) && (status === null || status.startsWith('2.')) && !isQueued(reply)) return FOUND;
  if (code === 550 && status === '5.1.1') return null;
  const isBare = code === 550 && status === null && texts.length === 1;
  if (isBare && unknown.some((text) => text.replace('<>', () => `<${path}>`) === texts[0])) return null;
  if (isFull(reply)) return FULL;
  return new QuestionError(saying`RCPT TO was answered ${foreign(wordsOfReply(reply))}`);
}

/** Whether a reply shows that the server is in trouble. Then it may refuse others too, who exist. */
export function isTrouble(reply: Reply): boolean {
  return isQueued(reply) || reply.code === 503 || (reply.code >= 400 && reply.code < 500 && !isFull(reply));
}

const FOUND = { value: '', state: 'active' } as const;
const FULL = { value: '', state: 'overquota' } as const;

function isFull({ code, status }: Reply): boolean {
  return (code === 552 && status === '5.2.2') || (code === 452 && status === '4.2.2');
}

/** Sendmail accepts everybody while its own map is down. */
function isQueued({ code, texts }: Reply): boolean {
  return code < 300 && texts.some((text) => text.includes('(will queue)'));
}
