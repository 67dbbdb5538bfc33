import { messageOf } from '../message.ts';
import type { Answer, Maybe, Question } from '../vocabulary.ts';

/**
 * A place that holds mailboxes. `lookup` answers an entry, or null where the store is certain that there is none;
 * every failure and every doubt throws or rejects, and becomes TEMP in one place (map/map.ts). A wrapper is a store too.
 * After `close` every lookup fails; a guard may leave that to the store that it wraps. test/contract/suite.ts says the same in
 * code.
 */
export interface Store {
  lookup(question: Question): Maybe<Answer>;
  /**
   * Answers several questions as of one moment, where `atomic` is true; else asks each of them anew. A NOTFOUND that takes
   * several answers counts only where they were all true at the same time. With `anew`, no cache answers for the store. Fails where
   * one of the questions fails.
   */
  lookupAtOnce(questions: readonly Question[], anew?: boolean): Maybe<readonly Answer[]>;
  /** Whether lookupAtOnce sees one moment: a snapshot, one statement, one transaction. */
  readonly atomic: boolean;
  close(): Maybe<void>;
}

/**
 * What a driver for a server of its own offers: answers to many questions by one round trip, in their order. An error in the
 * place of an answer fails that question alone; a rejection fails them all. QuestionError says that the questions are at
 * fault, or one of them, and not the server. It connects when it is first asked, and again after it was cut off.
 */
export interface Bulk {
  /** With `atOnce`, and where `atomic` is true, all answers are as of one moment. */
  lookupAll(questions: readonly Question[], atOnce?: boolean): Promise<readonly (Answer | StoreError)[]>;
  readonly atomic: boolean;
  close(): Maybe<void>;
}

/** A store cannot answer: it is out of reach, broken, or not certain. The message is for the log and never for a client. */
export class StoreError extends Error {
  override name = 'StoreError';
}

/** A store refused a question, or has a doubt about it alone, and may well answer another one. */
export class QuestionError extends StoreError {
  override name = 'QuestionError';
}

/** The encoding of a store has no such characters, so that nothing in it can be named so. */
export class UnstorableError extends QuestionError {
  override name = 'UnstorableError';
}

/** No mailbox was ever written to a store, so it cannot be certain of anything: whoever set it up is not done. */
export class EmptyStoreError extends StoreError {
  override name = 'EmptyStoreError';
}

/** A store is asked after it was closed, or while it is closed. */
export class ClosedError extends StoreError {
  override name = 'ClosedError';

  constructor() {
    super('the store is closed');
  }
}

/** A driver needs a package that is not installed. */
export class MissingPackageError extends StoreError {
  override name = 'MissingPackageError';
}

/** What was opened is not the store any more: it has to be opened anew. */
export class LostError extends StoreError {
  override name = 'LostError';
}

/** Makes a StoreError of anything that was thrown. A StoreError stays as it is; another message stands after `what`. */
export function toStoreError(cause: unknown, what: string | null = null): StoreError {
  if (cause instanceof StoreError) return cause;
  const { code } = Object(cause) as { readonly code?: unknown };
  // An AggregateError of several addresses has no message, only a code.
  const message = messageOf(cause) || String(code ?? cause);
  return new StoreError(what === null ? message : `${what}: ${message}`, { cause });
}

/** The failure of one server, with the name of the server before the message. A QuestionError stays one. */
export function failureAt(server: string, cause: unknown): StoreError {
  const message = `${server}: ${toStoreError(cause).message}`;
  return cause instanceof QuestionError ? new QuestionError(message, { cause }) : new StoreError(message, { cause });
}
