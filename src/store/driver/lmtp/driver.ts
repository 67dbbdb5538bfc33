import { type Endpoint, formatEndpoint } from '../../../endpoint.ts';
import { plain, saying } from '../../../message.ts';
import type { Answer, MailboxQuestion, Question } from '../../../vocabulary.ts';
import { type Canary, canariesOf, nameOf } from '../../guard/canary.ts';
import { otherSpelling } from '../../guard/spellings.ts';
import { type Proving, proveTwice } from '../../proof.ts';
import { type Session, createSessions } from '../../sessions.ts';
import { type Bulk, failureAt, QuestionError, StoreError, UnstorableError } from '../../store.ts';
import { mailFor, pathOrFailure } from '../callout/recipient.ts';
import type { Reply } from '../callout/reply.ts';
import { type Login, expectReply, openSession } from '../callout/session.ts';
import { isTrouble, verdictOf } from '../callout/verdict.ts';
import type { LmtpConfig } from './keys.ts';

/** The options of one server. */
export interface LmtpOptions extends Pick<LmtpConfig, 'timeoutMs' | 'tls'> {
  readonly endpoint: Endpoint;
  readonly login: Login | null;
  /** Mailboxes that exist. Each absence is asked behind them, in the same session. */
  readonly canaries: ReadonlyMap<string, readonly Canary[]>;
  /** A mailbox that nobody has. */
  readonly nobody: MailboxQuestion;
}

type Outcome = Answer | StoreError;

/** Absent, but the server was in trouble before, so it has to be asked again. */
class TroubleError extends QuestionError {
  override name = 'TroubleError';

  constructor() {
    super('absent, but the server had trouble with another recipient before');
  }
}

interface LmtpSession extends Session {
  /** Asks for each mailbox, in a transaction of its own that ends at once. */
  ask(questions: readonly MailboxQuestion[]): Promise<readonly Outcome[]>;
}

const IDLE_MS = 60_000; // Dovecot ends an idle session after 300 s, Cyrus after 360 s
const MOST_CHECKS = 1_000; // in one session
const REMEDY =
  'it accepts everybody, so no answer counts: turn off its catch-all (in Cyrus: autocreate_post, lmtp_catchall_mailbox)';

/**
 * Answers from one LMTP server, by MAIL, RCPT TO and RSET: it never sends a mail. Each session first asks for a mailbox
 * that nobody has. If that one is accepted, nothing else is asked in it, since Cyrus may make each mailbox that it is
 * asked for (`autocreate_post`).
 */
export function createLmtp(options: LmtpOptions): Bulk {
  const server = formatEndpoint(options.endpoint);
  const sessions = createSessions(() => openLmtp(options), IDLE_MS);
  const needed = canariesOf(options.canaries);

  const provingIn = (session: LmtpSession): Proving<MailboxQuestion, Answer> => ({
    ask: (questions) => session.ask(questions),
    canariesOf: (question) => needed(question).filter(isMailbox),
    otherSpelling: (question) => otherSpelling(question) as MailboxQuestion | null,
    nameOf,
  });
  const ask = (questions: readonly MailboxQuestion[]): Promise<readonly Outcome[]> =>
    questions.length === 0 ? Promise.resolve([]) : sessions.use((session) => proveTwice(questions, provingIn(session)));
  const lookupAll = async (questions: readonly Question[]): Promise<readonly (Answer | StoreError)[]> => {
    const asked = questions.filter(isMailbox);
    const outcomes = new Map<Question, Outcome>(at(asked, await ask(asked)));
    const again = asked.filter((question) => outcomes.get(question) instanceof TroubleError);
    for (const [question, outcome] of at(again, await ask(again))) outcomes.set(question, outcome);
    return questions.map((question) => settled(outcomes.get(question)));
  };
  const settled = (outcome: Outcome | undefined): Answer | StoreError => {
    if (outcome === undefined) return new QuestionError('an LMTP server can be asked for mailboxes only');
    if (!(outcome instanceof StoreError) || outcome instanceof UnstorableError) return outcome;
    return failureAt(server, outcome);
  };

  return {
    async lookupAll(questions) {
      try {
        return await lookupAll(questions);
      } catch (cause) {
        throw failureAt(server, cause);
      }
    },
    atomic: false,
    close: () => sessions.close(),
  };
}

function isMailbox(question: Question): question is MailboxQuestion {
  return question.about === 'mailbox' && question.folder === null;
}

function at<T>(questions: readonly MailboxQuestion[], outcomes: readonly T[]): (readonly [Question, T])[] {
  return questions.map((question, nth) => [question, outcomes[nth] as T]);
}

async function openLmtp({ endpoint, tls, login, nobody, timeoutMs }: LmtpOptions): Promise<LmtpSession> {
  const { dialogue, pipelining, utf8 } = await openSession({
    endpoint,
    verb: 'LHLO',
    helo: 'localhost',
    tls,
    login,
    openMs: timeoutMs,
  });
  let checks = 0;
  let ended = false;

  /** The replies to all commands: in one write if the server allows that, else one by one. */
  const say = async (commands: readonly string[]): Promise<readonly Reply[]> => {
    if (pipelining) return await dialogue.say(commands, timeoutMs);
    const replies: Reply[] = [];
    for (const command of commands) replies.push(...(await dialogue.say([command], timeoutMs)));
    return replies;
  };
  const askPaths = async (paths: readonly string[]): Promise<readonly Outcome[]> => {
    if (paths.length === 0) return [];
    checks += paths.length;
    const replies = await say(paths.flatMap((path) => [mailFor(path), `RCPT TO:<${path}>`, 'RSET']));
    return paths.map((path, nth) => {
      const [mail, rcpt, rset] = replies.slice(3 * nth) as [Reply, Reply, Reply];
      expectReply(mail, 250, 'MAIL');
      expectReply(rset, 250, 'RSET');
      const wasTroubled = ended;
      ended ||= isTrouble(rcpt);
      const verdict = verdictOf(rcpt, path);
      return verdict === null && wasTroubled ? new TroubleError() : verdict;
    });
  };
  const session: LmtpSession = {
    async ask(questions) {
      const paths = questions.map((question) => pathOrFailure(question, utf8));
      const outcomes = [...(await askPaths(paths.filter((path) => typeof path === 'string')))];
      return paths.map((path) => (typeof path === 'string' ? (outcomes.shift() as Outcome) : path));
    },
    ended: () => ended || checks >= MOST_CHECKS || dialogue.ended(),
    close: () => dialogue.close(),
  };

  try {
    const [outcome] = await session.ask([nobody]);
    if (outcome === null) return session;
    if (outcome instanceof StoreError) throw outcome;
    throw new StoreError(
      saying`the server accepts ${`${nobody.local}@${nobody.domain}`}, which nobody has; ${plain(REMEDY)}`,
    );
  } catch (cause) {
    session.close();
    throw cause instanceof QuestionError ? new StoreError(cause.said, { cause }) : cause;
  }
}
