import { REASONS, RESULTS, type Reason, type Result } from '../counts.ts';

/** What a map in shadow would have said about one key, and how often. */
export interface ShadowRecord {
  readonly map: string;
  /** As the log shows it (log.keys). Null: it was not UTF-8. */
  readonly key: string | null;
  readonly would: Result;
  /** Null for an OK. */
  readonly reason: Reason | null;
  /** What the client got instead. */
  readonly reply: Result;
  readonly count: number;
  /** As Date.now() counts. */
  readonly first: number;
  readonly last: number;
  /** Whether the map itself accepted this key before. */
  readonly known: boolean;
  /** Whether its local part is one that RFC 2142 gives to a role, such as postmaster. */
  readonly role: boolean;
}

/** How many questions a map in shadow was asked within an hour, and how many records had no room. */
export interface ShadowHour {
  readonly map: string;
  /** Its begin, as Date.now() counts. */
  readonly hour: number;
  readonly asked: number;
  readonly unkept: number;
}

export const HOUR_MS = 3_600_000;

/** A record, or an hour, as a line of the file. */
export function formatLine(item: ShadowRecord | ShadowHour): string {
  return JSON.stringify(item);
}

/** Reads a line. Null if it is none: a process or a disk may have ended in the middle of it. */
export function parseLine(text: string): ShadowRecord | ShadowHour | null {
  const read = parsed(text);
  if (typeof read !== 'object' || read === null) return null;
  const { map, hour, asked, unkept, key, would, reason, reply, count, first, last, known, role } = read as Record<
    string,
    unknown
  >;
  if (typeof map !== 'string') return null;
  if (isCount(hour)) return isCount(asked) && isCount(unkept) ? { map, hour, asked, unkept } : null;
  if (typeof key !== 'string' && key !== null) return null;
  if (!isOneOf(RESULTS, would) || !isOneOf(RESULTS, reply) || (reason !== null && !isOneOf(REASONS, reason)))
    return null;
  if (!isCount(count) || !isCount(first) || !isCount(last)) return null;
  return { map, key, would, reason, reply, count, first, last, known: known === true, role: role === true };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isOneOf<T extends string>(words: readonly T[], value: unknown): value is T {
  return (words as readonly unknown[]).includes(value);
}

/** RFC 2142, and postmaster of RFC 5321. */
const ROLES = new Set(
  'postmaster abuse hostmaster webmaster noc security info marketing sales support usenet news www uucp ftp'.split(' '),
);

/** Whether mail to this key is for a role and not for a person. */
export function isRole(key: string): boolean {
  return ROLES.has(key.split('@')[0]?.toLowerCase() ?? '');
}
