import { type Endpoint, formatEndpoint } from '../../../endpoint.ts';
import type { Answer, Question, Reply } from '../../../vocabulary.ts';
import { dial } from '../../dial.ts';
import { type Canary, canariesOf, nameOf } from '../../guard/canary.ts';
import { otherSpelling } from '../../guard/spellings.ts';
import { confirm } from '../../proof.ts';
import { createSessions } from '../../sessions.ts';
import { type Bulk, failureAt, QuestionError, StoreError, toStoreError } from '../../store.ts';
import { type MapNames, payloadFor } from './request.ts';
import { openSession, type SocketmapSession } from './session.ts';
import { answerFrom } from './verdict.ts';

/** How a socket map server is asked. */
export interface SocketmapOptions {
  readonly maps: MapNames;
  /** The texts of PERM replies for a mailbox that exists and takes no mail. */
  readonly disabled: readonly string[];
  /** What exists. Each absence is asked again behind it, on the same connection. */
  readonly canaries: ReadonlyMap<string, readonly Canary[]>;
  readonly timeoutMs: number;
}

const IDLE_MS = 60_000; // smmapd waits 360 s for a request, and has a process for each connection

const ANY_CASE =
  'the server compares the case of a folder, and this one may exist in another case; ' +
  'set detail.policy = "ignore" or detail.folder_case = "exact" in the map';

/** A question with the payload that asks it, or with its answer if there is nothing to ask. */
interface Asked {
  readonly question: Question;
  readonly payload: string | null | StoreError;
}

/** Answers from a socket map server. Each call asks its questions one after the other, on one connection. */
export function createSocketmap(endpoint: Endpoint, { maps, disabled, canaries, timeoutMs }: SocketmapOptions): Bulk {
  const needed = canariesOf(canaries);
  const sessions = createSessions(
    () => dial(timeoutMs, async ({ open }) => openSession(await open(endpoint), timeoutMs)),
    IDLE_MS,
  );

  const preparedFor = (question: Question): Asked => {
    return { question, payload: orError(() => payloadFor(question, maps)) };
  };
  const askAll = async (asked: readonly Asked[], session: SocketmapSession): Promise<(Answer | StoreError)[]> => {
    const payloads = asked.map(({ payload }) => payload).filter((payload) => typeof payload === 'string');
    const replies = payloads.length === 0 ? [] : [...(await session.askAll(payloads))];
    return asked.map(({ question, payload }) => {
      if (typeof payload !== 'string') return payload;
      return orError(() => answerFrom(replies.shift() as Reply, question, payload, disabled));
    });
  };
  /** A server compares the case of a folder. So a folder in any case is absent only if its mailbox is. */
  const doubtFolders = async (asked: readonly Asked[], answers: (Answer | StoreError)[], session: SocketmapSession) => {
    const absent = asked.map(({ question }, at) => ({ question, at })).filter(({ at }) => answers[at] === null);
    const doubted = absent.filter(
      ({ question }) => question.about === 'mailbox' && question.anyCase && question.folder !== null,
    );
    if (doubted.length === 0) return;
    const owners = await askAll(
      doubted.map(({ question }) => preparedFor({ ...question, folder: null } as Question)),
      session,
    );
    doubted.forEach(({ at }, nth) => {
      if (owners[nth] !== null) answers[at] = new QuestionError(ANY_CASE);
    });
  };

  const answersTo = async (questions: readonly Question[], session: SocketmapSession) => {
    const asked = questions.map(preparedFor);
    const answers = await askAll(asked, session);
    await doubtFolders(asked, answers, session);
    return answers;
  };

  return {
    async lookupAll(questions) {
      try {
        return await sessions.use(async (session) => {
          const ask = (some: readonly Question[]) => answersTo(some, session);
          return await confirm(questions, await ask(questions), { ask, canariesOf: needed, otherSpelling, nameOf });
        });
      } catch (cause) {
        throw failureAt(formatEndpoint(endpoint), cause);
      }
    },
    atomic: false,
    close: () => sessions.close(),
  };
}

function orError<T>(work: () => T): T | StoreError {
  try {
    return work();
  } catch (cause) {
    return toStoreError(cause);
  }
}
