import { randomBytes } from 'node:crypto';
import { formatAddress } from '../../../address/address.ts';
import { foreign, ofDomain, saying } from '../../../message.ts';
import type { Answer, MailboxQuestion } from '../../../vocabulary.ts';
import { CanaryError } from '../../guard/canary.ts';
import { QuestionError, type StoreError } from '../../store.ts';
import { type Reply, wordsOfReply } from '../callout/reply.ts';
import { isTrouble, verdictOf } from '../callout/verdict.ts';
import type { Hop } from './presets.ts';
import type { Trials } from './trial.ts';

/** An open transaction, in which more recipients can be named. */
export interface Transaction {
  send(command: string): Promise<Reply>;
}

type Mailbox = Pick<MailboxQuestion, 'local' | 'domain'>;

/** Mail servers accept it in their domains, whatever mailboxes they have. */
export const POSTMASTER = 'postmaster';

/** What a check has to know besides the question. */
export interface CheckOptions {
  readonly hop: Hop;
  /** Mailboxes that the server always accepts: at least one, and at most one of a domain. */
  readonly canaries: readonly Mailbox[];
  readonly trials: Trials;
  /** Whether an accepted recipient counts in a domain where the server accepts everybody. */
  readonly acceptsAll: 'doubt' | 'ok';
}

/**
 * What the reply to RCPT TO says of a mailbox, as far as it can be believed. A refusal counts if the server then accepts
 * the canary of the domain, in the same transaction, and refuses the mailbox once more: the server may have recovered
 * between the refusal and the canary. For a domain without a canary, it is the first one and the postmaster, whom each
 * domain has (RFC 5321 section 4.5.1). An acceptance counts if the server refused a random name of that domain in the
 * last hour.
 */
export async function confirmed(
  reply: Reply,
  path: string,
  { domain }: MailboxQuestion,
  transaction: Transaction,
  options: CheckOptions,
): Promise<Answer | StoreError> {
  const { hop, trials } = options;
  const verdict = verdictOf(reply, path, hop.unknown);
  if (verdict instanceof Error) return verdict;
  if (verdict === null) {
    if (trials.acceptsAll(domain) === true) return acceptingAll(domain);
    return await confirmAbsence(path, domain, transaction, options);
  }
  if (verdict.state !== 'active') return verdict;
  if (trials.acceptsAll(domain) === null) {
    const name = formatAddress(`smmap-${randomBytes(8).toString('hex')}`, domain);
    const other = await transaction.send(`RCPT TO:<${name}>`);
    const tried = verdictOf(other, name, hop.unknown);
    if (tried instanceof Error) {
      return new QuestionError(
        saying`accepted, but a name that nobody has was answered ${foreign(wordsOfReply(other))}`,
      );
    }
    trials.learn(domain, tried !== null);
  }
  return trials.acceptsAll(domain) === false || options.acceptsAll === 'ok' ? verdict : acceptingAll(domain);
}

async function confirmAbsence(
  refused: string,
  domain: string,
  transaction: Transaction,
  { hop, canaries }: CheckOptions,
): Promise<Answer | StoreError> {
  const own = canaries.find((each) => each.domain === domain);
  const witnesses = own === undefined ? [...canaries.slice(0, 1), { local: POSTMASTER, domain }] : [own];
  for (const witness of witnesses) {
    const path = formatAddress(witness.local, witness.domain);
    if (hop.vrfy && isVerified(await transaction.send(`VRFY ${path}`))) continue;
    const reply = await transaction.send(`RCPT TO:<${path}>`);
    const verdict = verdictOf(reply, path, hop.unknown);
    if (verdict === null || verdict instanceof Error || isTrouble(reply)) {
      const isLost = verdict === null && canaries.includes(witness);
      const options = isLost ? { cause: new CanaryError(saying`the canary ${path} is not found`) } : {};
      return new QuestionError(saying`refused, but so is ${path}: ${foreign(wordsOfReply(reply))}`, options);
    }
  }
  const again = await transaction.send(`RCPT TO:<${refused}>`);
  if (verdictOf(again, refused, hop.unknown) === null) return null;
  return new QuestionError(saying`refused, but not a second time: ${foreign(wordsOfReply(again))}`);
}

/** 252: the server does not say more, but it would take mail for it. */
function isVerified({ code, status }: Reply): boolean {
  return (code === 250 || code === 252) && (status === null || status.startsWith('2.'));
}

function acceptingAll(domain: string): QuestionError {
  return new QuestionError(
    saying`the server accepts everybody in ${ofDomain(domain)}: let it know its mailboxes, or set accepts_all = "ok"`,
  );
}
