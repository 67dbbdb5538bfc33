import { type Said, SaidError, foreign, messageOf, plain, saying } from '../message.ts';
import type { Answer, Maybe, Question } from '../vocabulary.ts';

/**
 * A place that holds mailboxes. `lookup` answers an entry, or null if the store is certain that the entry is absent.
 * Every failure and every doubt throws or rejects, and becomes TEMP in one place (map/map.ts). A guard is a store, too.
 * After `close` every lookup fails; a guard may leave that to the store that it wraps. test/contract/suite.ts says the
 * same in code.
 */
export interface Store {
  lookup(question: Question): Maybe<Answer>;
  /**
   * Answers several questions. If `atomic` is true, all answers are true at one moment; if not, each question is asked
   * anew. A NOTFOUND that needs several answers counts only if all of them were true at the same time. With `anew`, no
   * cache answers for the store. Fails if one of the questions fails.
   */
  lookupAtOnce(questions: readonly Question[], anew?: boolean): Maybe<readonly Answer[]>;
  /** Whether lookupAtOnce sees one moment: a snapshot, one statement, one transaction. */
  readonly atomic: boolean;
  close(): Maybe<void>;
}

/**
 * What a driver for a server offers: it answers many questions in one round trip, in their order. An error in the place
 * of an answer fails that question alone. A rejection fails them all. A QuestionError says that at least one of the
 * questions is at fault, not the server. The driver connects at the first question, and again after it was cut off.
 */
export interface Bulk {
  /** With `atOnce`, and if `atomic` is true, all answers are true at one moment. */
  lookupAll(questions: readonly Question[], atOnce?: boolean): Promise<readonly (Answer | StoreError)[]>;
  readonly atomic: boolean;
  close(): Maybe<void>;
}

/** A store cannot answer: it is unavailable, broken or uncertain. The message is for the log, never for a client. */
export class StoreError extends SaidError {
  override name = 'StoreError';

  /** A plain string counts as foreign: the log hides what looks like a name in it. */
  constructor(message: string | Said, options?: ErrorOptions) {
    super(typeof message === 'string' ? foreign(message) : message, options);
  }
}

/** A store refused one question, or is uncertain about that one only. It may well answer another one. */
export class QuestionError extends StoreError {
  override name = 'QuestionError';
}

/** A replica did not find an entry. It may lag behind its primary, so the absence does not count. */
export class ReplicaError extends QuestionError {
  override name = 'ReplicaError';
}

/** The encoding of a store lacks a character of the question, so the store cannot hold such a name. */
export class UnstorableError extends QuestionError {
  override name = 'UnstorableError';
}

/** Nothing of a kind was ever written to a store, so it is certain of no absence: its setup is not finished. */
export class EmptyStoreError extends StoreError {
  override name = 'EmptyStoreError';
}

/** A store is asked after `close` was called. */
export class ClosedError extends StoreError {
  override name = 'ClosedError';

  constructor() {
    super('the store is closed');
  }
}

/** A driver needs a package that is not installed or does not work. */
export class MissingPackageError extends StoreError {
  override name = 'MissingPackageError';
}

/** Another process wrote for longer than we may wait. Nothing was begun. */
export class BusyError extends StoreError {
  override name = 'BusyError';
}

/** What was opened is not the store any more: it must be opened again. */
export class LostError extends StoreError {
  override name = 'LostError';
}

/** Makes a StoreError of anything that was thrown. A StoreError stays as it is; another one gets `what` before it. */
export function toStoreError(cause: unknown, what: string | null = null): StoreError {
  if (cause instanceof StoreError) return cause;
  const { code } = Object(cause) as { readonly code?: unknown };
  // An AggregateError of several addresses has no message, only a code.
  const message = messageOf(cause) || String(code ?? cause);
  return new StoreError(what === null ? message : `${what}: ${message}`, { cause });
}

/** Makes the failure of one server, with its name before the message. A QuestionError stays a QuestionError. */
export function failureAt(server: string, cause: unknown): StoreError {
  const message = saying`${plain(server)}: ${toStoreError(cause)}`;
  return cause instanceof QuestionError ? new QuestionError(message, { cause }) : new StoreError(message, { cause });
}

/** Whether a StoreError, or one that it passes on, is of this class. */
export function stemsFrom(cause: unknown, kind: new (...given: never[]) => StoreError): boolean {
  return cause instanceof StoreError && (stemsFrom(cause.cause, kind) || cause instanceof kind);
}
