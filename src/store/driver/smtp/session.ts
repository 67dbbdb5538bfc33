import type { Answer, MailboxQuestion } from '../../../vocabulary.ts';
import type { Session } from '../../sessions.ts';
import { StoreError } from '../../store.ts';
import { mailFor, pathOrFailure } from '../callout/recipient.ts';
import type { Reply } from '../callout/reply.ts';
import { type SessionOptions, expectReply, openSession } from '../callout/session.ts';
import { isTrouble } from '../callout/verdict.ts';
import { type CheckOptions, confirmed } from './check.ts';

/** The options of a session with a next hop. */
export interface SmtpSessionOptions extends SessionOptions, CheckOptions {
  /** For each reply after the session is open. */
  readonly replyMs: number;
}

/** A session in which mailboxes are asked for, each in a transaction of its own. */
export interface SmtpSession extends Session {
  /** Asks for the first of them, as many as the session may still be asked for. */
  ask(questions: readonly MailboxQuestion[]): Promise<readonly (Answer | StoreError)[]>;
}

const RESET_AFTER_MS = 20; // most often the next question comes sooner, and takes the RSET along
const REFUSALS_OF_A_CHECK = 3; // at most: the mailbox itself, twice, and a witness

/** Opens a session. It ends by itself before the server would slow down, or refuse whoever exists. */
export async function openSmtp(options: SmtpSessionOptions): Promise<SmtpSession> {
  const { hop, replyMs } = options;
  const { dialogue, pipelining, utf8 } = await openSession(options);
  let checks = 0;
  let refusals = 0;
  let troubled = false;
  /** Whether the transaction of the last check is still open; when it ends if nothing is asked; the RSET that ends it. */
  let open = false;
  let timer: NodeJS.Timeout | undefined;
  let resetting: Promise<readonly Reply[]> | null = null;

  const send = async (commands: readonly string[]): Promise<readonly Reply[]> => {
    if (pipelining) return await dialogue.say(commands, replyMs);
    const replies: Reply[] = [];
    for (const command of commands) replies.push(...(await dialogue.say([command], replyMs)));
    return replies;
  };
  const isSpent = (): boolean =>
    troubled ||
    checks >= hop.checksPerSession ||
    refusals + REFUSALS_OF_A_CHECK > Math.max(hop.refusalsPerSession, REFUSALS_OF_A_CHECK) ||
    dialogue.ended();
  const count = (reply: Reply): Reply => {
    if (reply.code >= 400) refusals++;
    if (isTrouble(reply)) troubled = true;
    return reply;
  };
  const check = async (question: MailboxQuestion, path: string): Promise<Answer | StoreError> => {
    checks++;
    const wasOpen = open;
    open = true;
    const replies = await send([...(wasOpen ? ['RSET'] : []), mailFor(path), `RCPT TO:<${path}>`]);
    const [mail, rcpt] = replies.slice(-2) as [Reply, Reply];
    if (wasOpen) expectReply(replies[0] as Reply, 250, 'RSET');
    expectReply(mail, 250, 'MAIL');
    const transaction = {
      send: async (command: string): Promise<Reply> => count((await send([command]))[0] as Reply),
    };
    return await confirmed(count(rcpt), path, question, transaction, options);
  };

  /** Nobody waits for the reply: no answer depends on it, but the next check does. */
  const reset = (): void => {
    if (!open || isSpent()) return; // a session that is spent is closed, which ends the transaction
    open = false;
    resetting = dialogue.say(['RSET'], replyMs);
    resetting.catch(() => {});
  };

  return {
    async ask(questions) {
      clearTimeout(timer);
      if (resetting !== null) expectReply((await resetting)[0] as Reply, 250, 'RSET');
      resetting = null;
      const outcomes: (Answer | StoreError)[] = [];
      for (const question of questions) {
        if (outcomes.length > 0 && isSpent()) break;
        const path = pathOrFailure(question, utf8);
        outcomes.push(typeof path === 'string' ? await check(question, path) : path);
      }
      if (pipelining) timer = setTimeout(reset, RESET_AFTER_MS).unref();
      else reset();
      return outcomes;
    },
    ended: isSpent,
    close() {
      clearTimeout(timer);
      dialogue.close();
    },
  };
}
