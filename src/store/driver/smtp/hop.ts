import { type Endpoint, formatEndpoint } from '../../../endpoint.ts';
import { saying } from '../../../message.ts';
import type { Answer, MailboxQuestion } from '../../../vocabulary.ts';
import { createSessions } from '../../sessions.ts';
import { failureAt, QuestionError, StoreError, toStoreError, UnstorableError } from '../../store.ts';
import { type Pause, type PauseOptions, createPause } from './pause.ts';
import { type SmtpSession, type SmtpSessionOptions, openSmtp } from './session.ts';

/** The next hop of a domain: one server, or several that stand in for each other. */
export interface NextHop {
  /** For the log. */
  readonly label: string;
  ask(questions: readonly MailboxQuestion[]): Promise<readonly (Answer | StoreError)[]>;
  /** Makes sure that a server can be asked. Rejects if none can. */
  reach(): Promise<void>;
  close(): void;
}

/** The options of a next hop. */
export interface NextHopOptions extends Omit<SmtpSessionOptions, 'endpoint' | 'busy'> {
  /** For the log. */
  readonly label: string;
  /** The servers, in the order in which they are tried. */
  readonly endpoints: () => Promise<readonly Endpoint[]>;
  readonly pause: PauseOptions;
}

const DOWN_MS = 60_000; // so long a server that failed comes after the others
const IDLE_MS = 60_000; // all mail servers wait for 300 s

/** Keeps sessions with the first server that can be reached. A server that says 421 is left alone for a while. */
export function createNextHop(options: NextHopOptions): NextHop {
  const pauses = new Map<string, Pause>();
  const pauseOf = (server: string): Pause => {
    const pause = pauses.get(server) ?? createPause(options.pause);
    pauses.set(server, pause);
    return pause;
  };
  const openAt = async (endpoint: Endpoint): Promise<SmtpSession> => {
    const pause = pauseOf(formatEndpoint(endpoint));
    const pausedMs = pause.lengthMs();
    if (pausedMs > 0) throw new StoreError(saying`the server said 421 and is not asked for ${pausedMs} ms`);
    return await openSmtp({ ...options, endpoint, busy: () => pause.begin() });
  };
  const downUntil = new Map<string, number>();
  const isDown = (endpoint: Endpoint): boolean => (downUntil.get(formatEndpoint(endpoint)) ?? 0) > performance.now();
  const open = async (): Promise<SmtpSession> => {
    let failure: StoreError | null = null;
    const endpoints = await options.endpoints();
    const ordered = [...endpoints.filter((each) => !isDown(each)), ...endpoints.filter(isDown)];
    for (const endpoint of ordered) {
      try {
        return await openAt(endpoint);
      } catch (cause) {
        const server = formatEndpoint(endpoint);
        downUntil.set(server, performance.now() + DOWN_MS);
        failure ??= server === options.label ? toStoreError(cause) : failureAt(server, cause);
      }
    }
    throw failure ?? new StoreError('there is no server to ask');
  };
  const sessions = createSessions(open, IDLE_MS);

  return {
    label: options.label,
    async ask(questions) {
      const outcomes: (Answer | StoreError)[] = [];
      while (outcomes.length < questions.length) {
        const rest = questions.slice(outcomes.length);
        outcomes.push(...(await sessions.use((session) => session.ask(rest))));
        for (const pause of pauses.values()) if (pause.lengthMs() === 0) pause.end();
      }
      return outcomes.map((outcome) =>
        outcome instanceof QuestionError && !(outcome instanceof UnstorableError)
          ? failureAt(options.label, outcome)
          : outcome,
      );
    },
    reach: () => sessions.use(() => Promise.resolve()),
    close: () => sessions.close(),
  };
}
