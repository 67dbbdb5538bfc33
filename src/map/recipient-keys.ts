import { parseDomain } from '../address/domain.ts';
import { type Context, type Section, ValueError, complain, oneOf, optional, parsedBy, z } from '../toml/type.ts';
import { domain } from '../toml/value.ts';
import type { Variant } from './kind.ts';

/** The options of a map that decide how a key is read as an address. */
export type RecipientOptions = Section<typeof recipientKeys> & { readonly separators: z.output<typeof separators> };

const DOMAIN = 'a domain, such as "example.org"';

/** Alias domains: each has the mailboxes and aliases of another domain, and is hosted if that one is hosted. */
export const aliasDomains = z
  .record(parsedBy(DOMAIN, domain))
  .default({})
  .superRefine((raw, context) => {
    const remedy = 'name a domain that has mailboxes';
    for (const alias of Object.keys(raw)) {
      const twin = twinOf(alias, raw);
      const reason = `is the same domain as "${twin}"`;
      if (twin !== null) context.add([alias], reason, 'remove one of the two');
      const message = flawOfAliasDomain(alias, raw);
      if (message !== null) context.add([alias], message, remedy);
    }
  })
  .transform((raw): ReadonlyMap<string, string> => {
    return new Map(Object.entries(raw).map(([alias, target]) => [domain(alias), target]));
  })
  .describe('domains and what they stand for, { "sales.example" = "example.org" }');

/** The keys of a `[map.NAME]` whose keys are addresses. */
export const recipientKeys = {
  /** The domain of a bare `user`. Null: the reply to a bare user is TEMP, because its domain is not known. */
  default_domain: optional(parsedBy(DOMAIN, domain)),
  /**
   * Domains that mean the default domain, like class w of Sendmail. `*`: all but alias domains, as with virtdomains:
   * off.
   */
  local_domains: z
    .array(parsedBy(DOMAIN, domainOrAny))
    .default([])
    .transform((raw): ReadonlySet<string> => new Set(raw))
    .describe('domains, such as ["localhost"], or ["*"] for any'),
  alias_domains: aliasDomains,
  /** Which parts of an address are case-folded before a store is asked. */
  fold: oneOf(['both', 'domain', 'none'], 'both'),
};

/** The key of `detail` for the texts between a user and a detail. */
export const separators = z
  .array(parsedBy('separators, such as ["+"]', separator))
  .default(['+'])
  .transform((raw): readonly string[] => raw)
  .describe('separators, such as ["+"]');

/** Adds a mistake for each pair of recipient keys that contradict each other. */
export function checkRecipientKeys(
  raw: Pick<z.TableOf<typeof recipientKeys>, 'default_domain' | 'local_domains' | 'alias_domains'>,
  context: Context,
): void {
  const refuse = (reason: string, remedy: string): void =>
    complain(context, [{ key: 'local_domains', reason, remedy }]);
  const both = [...raw.local_domains].filter((local) => raw.alias_domains.has(local));
  if (both.length > 0) refuse(`has ${both.join(', ')}, and so has alias_domains`, 'remove it from one of the two');
  if (raw.local_domains.size > 0 && raw.default_domain === null) {
    refuse('stands for default_domain, which is not set', 'set default_domain, or remove local_domains');
  }
}

/** A domain, or `*` for any. */
function domainOrAny(name: string): string {
  return name === '*' ? name : domain(name);
}

/**
 * A text between a user and a detail, such as `+`, `--` or `-owner`. Postfix writes `+-` for two separators
 * (recipient_delimiter). As one separator it would be in no address, and every detail would be a part of a name.
 */
function separator(raw: string): string {
  if (raw === '') throw new Error('is empty');
  if (/^(.)\1*$/su.test(raw) || /[\p{L}\p{N}]/u.test(raw)) return raw;
  const remedy = `give ${JSON.stringify([...new Set(raw)])}`;
  throw new ValueError(`"${raw}" is one separator of several characters`, remedy);
}

/** The first spelling of the same alias domain, if it stands for another domain. */
function twinOf(alias: string, targets: Readonly<Record<string, string>>): string | null {
  const name = parseDomain(alias);
  const first = Object.keys(targets).find((other) => name !== null && parseDomain(other) === name) ?? alias;
  return targets[first] === targets[alias] ? null : first;
}

/** What is wrong with an alias domain. Null if nothing is. */
function flawOfAliasDomain(alias: string, targets: Readonly<Record<string, string>>): string | null {
  const name = parseDomain(alias);
  if (name === null) return `"${alias}" is not a domain`;
  const target = targets[alias];
  const chained = Object.keys(targets).some((other) => parseDomain(other) === target);
  return chained ? `stands for ${target}, which is an alias domain too` : null;
}

/** The settings that decide how a key is read, each as it would find more. */
export function recipientVariants<O extends RecipientOptions>(options: O): readonly Variant<O>[] {
  const { separators: now, fold } = options;
  const variants: Variant<O>[] = [];
  if (fold !== 'both') variants.push({ setting: 'fold = "both"', options: { ...options, fold: 'both' } });
  if (!now.includes('+')) {
    const setting = `detail.separators = ${JSON.stringify([...now, '+'])}`;
    variants.push({ setting, options: { ...options, separators: [...now, '+'] } });
  }
  return variants;
}
