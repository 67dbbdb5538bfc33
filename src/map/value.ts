import { formatAddress } from '../address/address.ts';
import { parsedBy, z } from '../toml/type.ts';

/**
 * The value after OK. `key`: the key as the client wrote it, as Cyrus does. `address`: its canonical address.
 * `mailbox`: the address of its mailbox, without a detail. `value`: the value of the entry. Or a text of the
 * administrator, in which `%s` is the key, `%u` and `%d` are the local part and the domain of the mailbox, and `%%` is
 * a percent sign, as in Postfix's ldap_table(5).
 */
export type ReplyForm = Word | { readonly text: string };

type Word = 'key' | 'address' | 'mailbox' | 'value';

/** The key `reply` of a map that allows these words. */
export function replyForm(words: readonly ['key', ...Word[]]) {
  return z
    .union([z.literal(words), z.strictObject({ text: parsedBy('a text with %s, %u, %d and %% in it', replyText) })])
    .default('key')
    .describe(`one of ${words.join(', ')}, or { text = "lmtp:unix:/run/cyrus/socket/lmtp" }`);
}

/** What a map knows of a key that was found. */
export interface Known {
  readonly key: string;
  /** The local part of the canonical address. */
  readonly local: string;
  /** The local part of the mailbox. */
  readonly user: string;
  readonly domain: string;
  /** The value of the entry. May be "". */
  readonly value: string;
}

/** Makes the value after OK. It is never empty, because Postfix treats an empty value as an error. */
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

/** Checks a text with placeholders. Throws with the reason if it is not valid. */
function replyText(text: string): string {
  if (text === '') throw new Error('is empty, which Postfix treats as an error');
  const wrong = /%.?/.exec(text.replace(/%[sud%]/g, ' ')); // from the left, so that %%x is a percent sign and an x
  if (wrong !== null) throw new Error(`"${wrong[0]}" is not one of %s, %u, %d and %%`);
  if (/[\x00-\x1f\x7f]/.test(text)) throw new Error('has a control character');
  return text;
}
