import { fileURLToPath } from 'node:url';
import { childrenOf } from './proc.ts';

/** Where a bare client asks, and what. */
export type BarePlace =
  | ({ readonly kind: 'postgresql'; readonly host: string; readonly port: number } & Account & Statement)
  | ({ readonly kind: 'mysql'; readonly socketPath: string } & Account & Statement)
  | ({ readonly kind: 'sqlite'; readonly path: string } & Statement)
  | { readonly kind: 'redis'; readonly path: string; readonly set: string }
  | {
      readonly kind: 'ldap';
      readonly url: string;
      readonly dn: string;
      readonly password: string;
      readonly base: string;
      readonly attributes: readonly string[];
    };

interface Account {
  readonly user: string;
  readonly database: string;
}

export interface Statement {
  readonly text: string;
  readonly parameters: readonly string[];
}

/** One run of a bare client. */
export interface BareOrder {
  readonly place: BarePlace;
  readonly databasePid: number | null;
  readonly mailboxes: number;
  readonly warmMs: number;
  readonly runMs: number;
}

/** A table of Postfix's own, in the words of pgsql_table(5) and the like. */
export interface PostfixTable {
  readonly type: string;
  readonly lines: readonly string[];
}

/** A database with the mailboxes of the benchmark in it. */
export interface Database {
  readonly mailboxes: number;
  /** Its first process; null where it has none. */
  readonly pid: number | null;
  /** A store of ours in it, as TOML. */
  readonly store: readonly string[];
  readonly bare: Readonly<Record<string, BarePlace>>;
  /** Null where Debian's Postfix has none. */
  readonly postfix: PostfixTable | null;
  stop(): Promise<void>;
}

/** Starts it and fills it. */
export type OpenDatabase = (place: { folder: string; mailboxes: number }) => Promise<Database | { missing: string }>;

export const PARTS = process.env['SMMAP_PARTS'] ?? fileURLToPath(new URL('../../.parts', import.meta.url));

/** What bare clients ask: what smmap asks too, or what PostfixAdmin's documentation gives to Postfix. */
export const SAME_QUERY = 'bare client, the same query';
export const OWN_QUERY = "bare client, PostfixAdmin's own query";

/** The one process that this one has started since, which is the database's first. */
export function newSince(before: readonly number[]): number {
  const [pid, ...others] = childrenOf(process.pid).filter((child) => !before.includes(child));
  if (pid === undefined || others.length > 0) throw new Error('it is not known which process the database is');
  return pid;
}
