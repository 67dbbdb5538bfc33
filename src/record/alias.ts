import type { Flaw } from '../address/address.ts';
import { formatTargets, nameOf, parseTargets, splitTargets } from '../address/target.ts';
import { flawOfWritten, LONGEST_NAME } from '../address/written.ts';
import { flawOf, formatOwner, type Owner, parseFileOwner, splitWord } from './owner.ts';

/** An address that stands for other addresses. With the local part NOBODY it is the catch-all of its domain. */
export interface Alias {
  readonly about: 'alias';
  readonly local: string;
  readonly domain: string;
  /** At least one. See address/target.ts for the kinds of target. */
  readonly targets: readonly string[];
}

const LONGEST_ANSWER = 99_000; // bytes; Postfix accepts a reply of 100,000 (socketmap_table(5)), which has OK and a detail too
const MOST_TARGETS = 5_000; // each one takes some 4 us at each lookup, and all clients wait for that

/** Reads `address target, target`, as in virtual(5) of Postfix. Null for a blank line or a comment. */
export function parseAliasLine(text: string): Alias | Flaw | null {
  const line = text.trim();
  if (line === '' || line.startsWith('#')) return null;
  const [address, rest] = splitWord(line);
  const owner = parseFileOwner(address);
  return 'flaw' in owner ? owner : parseAlias(owner, rest);
}

/** Makes an alias. A Flaw if its targets are not valid, or too long for a reply. */
export function parseAlias(owner: Owner, targetsText: string): Alias | Flaw {
  if (targetsText.length > LONGEST_ANSWER) return flawOf(owner, TOO_LONG);
  const texts = splitTargets(targetsText);
  if ('flaw' in texts) return flawOf(owner, texts.flaw);
  if (texts.some((text) => text.length > LONGEST_NAME))
    return flawOf(owner, 'has a target that is too long for an address');
  const read = parseTargets(targetsText);
  if ('flaw' in read) return flawOf(owner, read.flaw);
  for (const { kind, text } of read) {
    const flaw = kind === 'address' ? flawOfWritten(text) : null;
    if (flaw !== null) return flawOf(owner, `${nameOf(text)} ${flaw}`);
  }
  const targets = [...new Set(read.map(({ text }) => text))];
  if (Buffer.byteLength(formatTargets(targets)) > LONGEST_ANSWER) return flawOf(owner, TOO_LONG);
  if (targets.length > MOST_TARGETS) return flawOf(owner, `has over ${MOST_TARGETS} targets; ${REMEDY}`);
  return { about: 'alias', ...owner, targets };
}

const REMEDY = 'split it into several aliases, or make it a mailing list';
const TOO_LONG = `has targets of over ${LONGEST_ANSWER} bytes, and no mail server accepts such a long reply; ${REMEDY}`;

/** Writes the line that parseAliasLine reads. */
export function formatAliasLine({ local, domain, targets }: Alias): string {
  return `${formatOwner(local, domain)} ${formatTargets(targets)}`;
}
