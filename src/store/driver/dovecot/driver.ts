import { CONTROL, formatAddress } from '../../../address/address.ts';
import type { Endpoint } from '../../../endpoint.ts';
import { saying } from '../../../message.ts';
import type { Answer, MailboxQuestion, Question, State } from '../../../vocabulary.ts';
import { otherSpelling } from '../../guard/spellings.ts';
import { proveTwice, type Told } from '../../proof.ts';
import { createSessions } from '../../sessions.ts';
import { type Bulk, QuestionError, StoreError, toStoreError } from '../../store.ts';
import { within } from '../../within.ts';
import { MOST_AGE_MS, openAuth } from './auth.ts';
import { openQuota } from './quota.ts';

/** The options of one Dovecot. */
export interface DovecotOptions {
  /** The socket auth-userdb. */
  readonly endpoint: Endpoint;
  /** For whom Dovecot looks up the user (`%s` in its configuration). */
  readonly service: string;
  /** Mailboxes that exist. Each absence is asked behind them. */
  readonly canaries: readonly Question[];
  /** The service quota-status. Null: every mailbox has room. */
  readonly quota: Endpoint | null;
  readonly timeoutMs: number;
}

const IDLE_MS = 10_000; // for quota-status, where each connection takes a process
const MOST_BYTES = 900; // bytes of a name; from about 1,010 on, Dovecot ends the connection with all that was asked on it

/** Answers whether Dovecot has a user, and whether there is room in the mailbox. */
export function createDovecot({ endpoint, service, quota, timeoutMs, ...options }: DovecotOptions): Bulk {
  const sessions = createSessions(() => openAuth(endpoint, service, timeoutMs), MOST_AGE_MS);
  const quotas = quota === null ? null : createSessions(() => openQuota(quota, timeoutMs), IDLE_MS);
  const canaries = options.canaries.filter(isMailbox).map(nameOf);
  const others = options.canaries.filter(isMailbox).map((canary) => otherSpelling(canary) as MailboxQuestion | null);
  const otherName = (name: string): string | null => {
    const other = others[canaries.indexOf(name)] ?? null;
    return other === null ? null : nameOf(other);
  };
  /** A question of the guard `canary`: an outage of quota-status must not make it fail. */
  const isOfGuard = (question: Question): boolean => options.canaries.includes(question);

  /** Whether each of the users exists. */
  const existing = async (names: readonly string[]): Promise<ReadonlyMap<string, Told<true>>> => {
    if (names.length === 0) return new Map();
    const told = await sessions.use((session) => {
      const ask = (asked: readonly string[]): Promise<readonly Told<true>[]> => session.ask(asked);
      const proof = proveTwice(names, {
        ask,
        canariesOf: () => canaries,
        otherSpelling: otherName,
        nameOf: (name) => name,
      });
      return within(proof, timeoutMs, 'answer');
    });
    return new Map(names.map((name, at) => [name, told[at] as Told<true>]));
  };
  /** The states of mailboxes that exist. A failure here says nothing about auth-userdb, so it is no outage of the store. */
  const statesOf = async (
    addresses: readonly string[],
    leftMs: number,
  ): Promise<ReadonlyMap<string, State | StoreError>> => {
    if (quotas === null || addresses.length === 0) return new Map(addresses.map((address) => [address, 'active']));
    try {
      const states = await quotas.use((session) => within(session.ask(addresses), leftMs, 'answer'));
      return new Map(addresses.map((address, at) => [address, states[at] as State | StoreError]));
    } catch (cause) {
      const failure = new QuestionError(saying`quota-status: ${toStoreError(cause)}`, { cause });
      return new Map(addresses.map((address) => [address, failure]));
    }
  };

  return {
    async lookupAll(questions) {
      const begun = performance.now();
      const asked = questions.filter(isMailbox).filter((question) => unasked(question) === undefined);
      const exists = await existing([...new Set(asked.map(nameOf))]);
      const found = asked.filter((question) => exists.get(nameOf(question)) === true && !isOfGuard(question));
      const leftMs = timeoutMs - (performance.now() - begun);
      const states = await statesOf([...new Set(found.map(addressOf))], leftMs);
      return questions.map((question): Answer | StoreError => {
        if (!isMailbox(question)) return new QuestionError('Dovecot can only say whether a mailbox exists');
        const told = unasked(question) ?? exists.get(nameOf(question));
        if (told instanceof StoreError) return told;
        if (told !== true) return null;
        const state = isOfGuard(question) ? 'active' : (states.get(addressOf(question)) as State | StoreError);
        return state instanceof StoreError ? state : { value: '', state };
      });
    },
    atomic: false,
    close() {
      sessions.close();
      quotas?.close();
    },
  };
}

function isMailbox(question: Question): question is MailboxQuestion {
  return question.about === 'mailbox' && question.folder === null;
}

/** Dovecot has users without quotes. */
function nameOf({ local, domain }: MailboxQuestion): string {
  return `${local}@${domain}`;
}

function addressOf({ local, domain }: MailboxQuestion): string {
  return formatAddress(local, domain);
}

/**
 * The answer to a question that Dovecot is not asked. Undefined: it is asked. False: no address has a control character,
 * and such a name could end the line.
 */
function unasked(question: MailboxQuestion): false | StoreError | undefined {
  const name = nameOf(question);
  const bytes = Buffer.byteLength(name);
  if (CONTROL.test(name)) return false;
  if (bytes > MOST_BYTES)
    return new QuestionError(saying`the name has ${bytes} bytes; Dovecot can be asked for ${MOST_BYTES}`);
  return undefined;
}
