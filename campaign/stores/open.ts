import type { Missing } from '../../test/real/part.ts';
import type { StoreTarget } from '../target.ts';

export interface Ground {
  /** The repository, and where test/real/parts.sh has put the servers. */
  readonly root: string;
  readonly parts: string;
  /** A folder for the files of smmap. */
  readonly folder: string;
  /** The name of the store. */
  readonly name: string;
}

/** Starts a server, or says why it cannot be had. */
export type Open = (ground: Ground) => Promise<StoreTarget | Missing>;

/** A line for a store in SQL. */
export const QUERY = 'mailbox = "select address from mailboxes where address = :address"';

/** A text in SQL. No address of the campaign has an apostrophe. */
export function quoted(text: string): string {
  return `'${text}'`;
}
