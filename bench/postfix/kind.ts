import type { Bench, Build } from '../bench.ts';
import type { Database } from '../databases.ts';

/** A table of mailboxes that an smtpd asks. */
export interface Kind {
  /** Its row. */
  readonly name: string;
  /** The build that answers it, where one does. */
  readonly build?: Build;
  /** As Postfix writes it. */
  readonly table: string;
  /** How many it has. */
  readonly mailboxes: number;
  /** The first process of the server that is asked, and of the database. */
  readonly parts: { readonly server?: number; readonly database?: number };
}

/** What the kinds are made in. */
export interface World {
  readonly bench: Bench;
  readonly mailboxes: number;
  /** The mailboxes as the source of postmap, which makes the files of `lmdb:` and `hash:` beside it. */
  readonly list: string;
  /** The file of a `pgsql:` table. */
  readonly pgsql: string;
  /** Its query, with $1 for the address. */
  readonly query: string;
  /** Whether Postfix has a kind of table that is a module. */
  readonly has: (module: string) => boolean;
  /** The database with its first process; null where it is missing. */
  readonly database: (Database & { readonly url: string; readonly pid: number }) | null;
  /** Is done when the kinds are not needed any more, the last first. */
  readonly later: (close: () => Promise<void>) => void;
}

/** A kind as its row gives it. */
export type OpenedKind = Omit<Kind, 'name' | 'mailboxes'>;

/** The kinds of a row, or the reason why it is not measured. */
export type Opened = readonly OpenedKind[] | string;

/** A row of the table. */
export interface Row {
  readonly name: string;
  /** Starts what answers it: once, or once for each build. */
  readonly open: (world: World) => Promise<Opened> | Opened;
  /** How many mailboxes it has at most. */
  readonly most?: number;
  /** It is measured with --floor only. */
  readonly isFloor?: true;
}
