import { hostname } from 'node:os';
import { type Endpoint, formatEndpoint } from '../../../endpoint.ts';
import { ofDomain, plain, saying } from '../../../message.ts';
import type { Answer, MailboxQuestion, Question } from '../../../vocabulary.ts';
import { placesBy } from '../../asked.ts';
import { type Bulk, QuestionError, StoreError, failureAt } from '../../store.ts';
import type { Login } from '../callout/session.ts';
import type { CheckOptions } from './check.ts';
import { type NextHop, createNextHop } from './hop.ts';
import type { SmtpConfig } from './keys.ts';
import { type ResolveMx, createMailHosts } from './mx.ts';
import type { PauseOptions } from './pause.ts';
import { HOPS } from './presets.ts';
import { createTrials } from './trial.ts';

/** The options of one server; with `endpoint` null, of the MX hosts of the domains. */
export interface SmtpOptions extends Pick<SmtpConfig, 'acceptsAll' | 'domains' | 'helo' | 'hop' | 'timeoutMs' | 'tls'> {
  readonly endpoint: Endpoint | null;
  readonly login: Login | null;
  readonly canaries: CheckOptions['canaries'];
  readonly pause?: PauseOptions;
  /** How MX hosts are found, and asked; without it by DNS, and at port 25. */
  readonly mx?: { readonly resolve: ResolveMx; readonly port: number };
}

const PAUSE: PauseOptions = { firstMs: 60_000, longestMs: 600_000 };
const GREETING_MS = 10_000; // a server may let its clients wait, and then refuses whoever talks before the greeting

/** Answers from the next hop of domains, by MAIL, RCPT TO and RSET: it never sends a mail. */
export function createSmtp(options: SmtpOptions): Bulk {
  const { endpoint, domains, helo, hop, pause = PAUSE, timeoutMs, mx } = options;
  const shared = {
    ...options,
    verb: 'EHLO',
    hop: HOPS[hop],
    openMs: GREETING_MS + timeoutMs,
    replyMs: timeoutMs,
    trials: createTrials(),
    pause,
  } as const;
  const only =
    endpoint === null
      ? null
      : createNextHop({ ...shared, label: formatEndpoint(endpoint), endpoints: () => Promise.resolve([endpoint]) });
  const mailHosts = createMailHosts([helo ?? '', hostname()], mx?.port, mx?.resolve);
  const hops = new Map<string, NextHop>();
  /** The next hop of a domain. There are only those of `domains`. */
  const hopOf = (domain: string): NextHop => {
    if (only !== null) return only;
    const known =
      hops.get(domain) ?? createNextHop({ ...shared, label: `MX of ${domain}`, endpoints: () => mailHosts(domain) });
    hops.set(domain, known);
    return known;
  };
  const isListed = (domain: string): boolean => domains.length === 0 || domains.includes(domain);

  const ask = async (domain: string, asked: readonly MailboxQuestion[]): Promise<readonly (Answer | StoreError)[]> => {
    const isOurs = isListed(domain);
    const next = hopOf(isOurs ? domain : (domains[0] ?? domain));
    try {
      if (isOurs) return await next.ask(asked);
      await next.reach(); // so that the breaker sees whether the server is there
      return asked.map(() => new QuestionError(saying`${ofDomain(domain)} is not one of the domains of this store`));
    } catch (cause) {
      const failure = failureAt(next.label, cause);
      return asked.map(() => failure);
    }
  };

  return {
    async lookupAll(questions) {
      const outcomes: (Answer | StoreError)[] = questions.map(
        () => new QuestionError(plain('an SMTP server can be asked for mailboxes only')),
      );
      const places = questions.flatMap((question, at) => (isMailbox(question) ? [{ question, at }] : []));
      const groups = placesBy(places, ({ question }) => (only === null ? question.domain : isListed(question.domain)));
      for (const group of groups.values()) {
        const asked = group.map((nth) => places[nth] as (typeof places)[number]);
        const answers = await ask(
          (asked[0] as (typeof places)[number]).question.domain,
          asked.map(({ question }) => question),
        );
        asked.forEach(({ at }, nth) => (outcomes[at] = answers[nth] as Answer | StoreError));
      }
      const [first] = outcomes;
      if (isOutage(first) && outcomes.every(isOutage)) throw first;
      return outcomes;
    },
    atomic: false,
    close() {
      for (const each of [only, ...hops.values()]) each?.close();
    },
  };
}

function isOutage(outcome: Answer | StoreError | undefined): outcome is StoreError {
  return outcome instanceof StoreError && !(outcome instanceof QuestionError);
}

function isMailbox(question: Question): question is MailboxQuestion {
  return question.about === 'mailbox' && question.folder === null;
}
