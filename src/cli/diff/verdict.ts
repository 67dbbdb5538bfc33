import { formatAddress } from '../../address/address.ts';
import { parseTarget } from '../../address/target.ts';
import type { MapConfig } from '../../config/config.ts';
import { splitAddresses } from '../../format/addresses.ts';
import type { Reply } from '../../vocabulary.ts';
import type { Outcome } from './side.ts';

/** How two outcomes compare. `other`: both sides have it, and say something else. `failed`: it could not be compared. */
export type Verdict = 'same' | 'only_a' | 'only_b' | 'other' | 'failed';

/** The value of an OK, in a form in which equal values are equal. */
export type ValueOf = (key: string, value: string) => string;

/** Compares what two sides say about a key. Two replies are the same if a mail server would do the same. */
export function compare(key: string, a: Outcome, b: Outcome, valueOf: ValueOf): Verdict {
  if (a.kind === 'FAILED' || b.kind === 'FAILED') return 'failed';
  if (meaning(key, a, valueOf) === meaning(key, b, valueOf)) return 'same';
  if (exists(a) === exists(b)) return 'other';
  return exists(a) ? 'only_a' : 'only_b';
}

/** Whether a reply is about something that exists: also a mailbox that takes no mail. */
function exists(reply: Reply): boolean {
  return reply.kind === 'OK' || reply.why === 'disabled' || reply.why === 'overquota';
}

function meaning(key: string, reply: Reply, valueOf: ValueOf): string {
  return reply.kind === 'OK' ? `OK ${valueOf(key, reply.value)}` : textOf(reply);
}

/**
 * How a map's values are compared. The targets of an alias may have any order and spelling. A map that replies with the key says only
 * that it exists, so the right side of a table of Postfix does not count.
 */
export function valuesOf({ kind, options }: MapConfig): ValueOf {
  if (kind === 'alias') return (key, value) => (isDomain(key) ? '' : targetsOf(value));
  const { reply = 'value' } = options as { readonly reply?: unknown };
  return reply === 'value' ? (_, value) => value : () => '';
}

/** A virtual alias domain, which has any right side in Postfix. */
function isDomain(key: string): boolean {
  return !key.includes('@') && key.includes('.');
}

function targetsOf(value: string): string {
  const targets = splitAddresses(value, 'postfix');
  if ('flaw' in targets) return value;
  const spelled = targets.map((text) => {
    const target = parseTarget(text);
    if ('flaw' in target || target.kind === 'special') return text;
    if (target.kind === 'domain') return `@${target.domain}`;
    return target.domain === null ? text : formatAddress(target.local, target.domain);
  });
  return [...new Set(spelled)].toSorted().join(', ');
}

const STATES = { disabled: 'disabled', overquota: 'overquota', no_address: 'not an address' } as const;

/** An outcome in words. */
export function wordsOf(outcome: Outcome): string {
  if (outcome.kind === 'FAILED') return `failed (${outcome.reason})`;
  const why = outcome.kind === 'OK' || outcome.why === undefined ? '' : ` (${STATES[outcome.why]})`;
  return `${outcome.kind === 'OK' ? `OK ${outcome.value}` : textOf(outcome)}${why}`;
}

function textOf(reply: Exclude<Reply, { readonly kind: 'OK' }>): string {
  return reply.kind === 'NOTFOUND' ? reply.kind : `${reply.kind} ${reply.reason}`;
}
