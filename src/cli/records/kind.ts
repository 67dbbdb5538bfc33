import type { About } from '../../vocabulary.ts';

/** A kind of record on the command line, with the formats of its lists. The first format is the default. */
export interface Kind {
  readonly about: About;
  readonly imports: readonly string[];
  readonly exports: readonly string[];
}

/** The kinds, by their command. */
export const KINDS = {
  mailbox: {
    about: 'mailbox',
    imports: ['list', 'cyrus', 'passwd', 'dovecot', 'postmap'],
    exports: ['list', 'postmap', 'fqdnroutes'],
  },
  alias: {
    about: 'alias',
    imports: ['virtual', 'virtusertable', 'aliases'],
    exports: ['virtual', 'virtusertable', 'fqdnaliases'],
  },
  domain: { about: 'domain', imports: ['list'], exports: ['list'] },
  table: { about: 'key', imports: ['makemap', 'postmap'], exports: ['makemap'] },
} as const satisfies Readonly<Record<string, Kind>>;

export type KindName = keyof typeof KINDS;
export type ImportName<K extends KindName = KindName> = (typeof KINDS)[K]['imports'][number];
export type ExportName<K extends KindName = KindName> = (typeof KINDS)[K]['exports'][number];

/** What a command is about: all records of a kind, or the keys of one table. */
export interface Scope {
  readonly kind: KindName;
  /** "" for a kind that has no tables. */
  readonly table: string;
}

/** The part of the store that a scope is about: a table, or null for all records of the kind. */
export function withinOf({ kind, table }: Scope): string | null {
  return kind === 'table' ? table : null;
}
