import { formatAddress } from '../../address/address.ts';
import { parseTarget } from '../../address/target.ts';
import type { MapConfig } from '../../config/config.ts';
import { splitAddresses } from '../../format/addresses.ts';
import type { Reply } from '../../vocabulary.ts';
import type { Outcome } from './side.ts';

/** How two outcomes compare. `other`: both sides have it, and say something else. `failed`: it could not be compared. */
export type Verdict = 'same' | 'only_a' | 'only_b' | 'other' | 'failed';

/** Whether two values that follow OK say the same about a key. */
export type SameValue = (key: string, one: string, other: string) => boolean;

/** Compares what two sides say about a key. Two replies are the same if a mail server would do the same. */
export function compare(key: string, a: Outcome, b: Outcome, isSame: SameValue): Verdict {
  if (a.kind === 'FAILED' || b.kind === 'FAILED') return 'failed';
  if (a.kind === 'OK' && b.kind === 'OK') return isSame(key, a.value, b.value) ? 'same' : 'other';
  if (a.kind !== 'OK' && b.kind !== 'OK' && textOf(a) === textOf(b)) return 'same';
  if (exists(a) === exists(b)) return 'other';
  return exists(a) ? 'only_a' : 'only_b';
}

/** Whether a reply is about something that exists: also a mailbox that takes no mail. */
function exists(reply: Reply): boolean {
  return reply.kind === 'OK' || reply.why === 'disabled' || reply.why === 'overquota';
}

/**
 * How a map's values are compared. The targets of an alias may have any order and spelling. A map that replies with the key says only
 * that it exists, so the right side of a table of Postfix does not count.
 */
export function comparisonOf({ kind, options }: MapConfig): SameValue {
  if (kind === 'alias') {
    return (key, one, other) => isDomain(key, one, other) || targetsOf(one) === targetsOf(other);
  }
  const { reply = 'value' } = options as { readonly reply?: unknown };
  return reply === 'value' ? (_, one, other) => one === other : () => true;
}

/** A virtual alias domain: smmap replies with the key, and in Postfix it has any right side. */
function isDomain(key: string, one: string, other: string): boolean {
  return !key.includes('@') && key.includes('.') && (one === key || other === key);
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
