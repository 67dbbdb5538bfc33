import { formatAddress } from '../address/address.ts';
import { parsedBy, z } from '../toml/type.ts';

/**
 * What follows OK: the key as it was asked, as Cyrus does; its canonical address; that of its mailbox, without a detail;
 * what the store has for it; or a text of the administrator's, in which `%s` is the key, `%u` and `%d` are local part and
 * domain of the mailbox, and `%%` is a percent sign, as in Postfix's ldap_table(5).
 */
export type ReplyForm = Word | { readonly text: string };

type Word = 'key' | 'address' | 'mailbox' | 'value';

/** The key `reply` of a map that can answer with these words. */
export function replyForm<const T extends readonly ['key', ...Word[]]>(words: T) {
  return z
    .union([z.enum(words), z.strictObject({ text: parsedBy('a text with %s, %u, %d and %% in it', replyText) })])
    .default('key' as never)
    .describe(`one of ${words.join(', ')}, or { text = "lmtp:unix:/run/cyrus/socket/lmtp" }`);
}

/** What is known of a key that was found. */
export interface Known {
  readonly key: string;
  /** Of the canonical address. */
  readonly local: string;
  /** Of the mailbox. */
  readonly user: string;
  readonly domain: string;
  /** What the store has for it; "" where it has nothing. */
  readonly value: string;
}

/** Never empty: Postfix takes an empty value for a mistake in its configuration. */
export function formatValue(form: ReplyForm, { key, local, user, domain, value }: Known): string {
  switch (form) {
    case 'key':
      return key;
    case 'address':
      return formatAddress(local, domain);
    case 'mailbox':
      return formatAddress(user, domain);
    case 'value':
      return value === '' ? key : value;
    default: {
      const text = form.text.replace(/%([sud%])/g, (_, what: string) =>
        what === 's' ? key : what === 'u' ? user : what === 'd' ? domain : '%',
      );
      return text === '' ? key : text; // a domain has no %u
    }
  }
}

/** A text with its placeholders; throws why it is none. */
function replyText(text: string): string {
  if (text === '') throw new Error('is empty, which Postfix takes for a mistake');
  const wrong = /%(?![sud%]).?/.exec(text);
  if (wrong !== null) throw new Error(`"${wrong[0]}" is none of %s, %u, %d and %%`);
  if (/[\x00-\x1f\x7f]/.test(text)) throw new Error('has a control character');
  return text;
}
