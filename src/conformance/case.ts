import type { SocketMapProtocol } from '../protocol/framing.ts';
import type { Bench } from './bench.ts';

/** MUST: a mail server loses mail or lookups otherwise. SHOULD: it works better so. */
export type Level = 'MUST' | 'SHOULD';

/** A rule of docs/protocol.md, and how a server shows that it keeps it. */
export interface Case {
  /** `GROUP/SUBJECT/NUMBER`, as in docs/protocol.md. */
  readonly id: string;
  /** The level in each protocol that has the rule. */
  readonly on: Readonly<Partial<Record<SocketMapProtocol, Level>>>;
  /** What the server does. */
  readonly rule: string;
  /** Why, with the source. */
  readonly why: string;
  /** What the case needs besides the server. Without it, the case is skipped. */
  readonly needs?: Need;
  /** Takes seconds of waiting, and harms nobody: all such cases run at once, before the others. */
  readonly waits?: true;
  /** Resolves if the server keeps the rule. Rejects with Failure otherwise. */
  readonly run: (bench: Bench) => Promise<void>;
}

export type Need = 'known' | 'unknown' | 'both' | 'server';

/** The server does not keep the rule. The message says what it did instead. */
export class Failure extends Error {
  override name = 'Failure';
}

/** Both protocols have the rule, at the same level. */
export const MUST = { netstring: 'MUST', line: 'MUST' } as const;
export const SHOULD = { netstring: 'SHOULD', line: 'SHOULD' } as const;
