import { formatAddress } from '../address/address.ts';

/**
 * What follows OK: the key as it was asked, as Cyrus does; its canonical address; that of its mailbox, without a detail;
 * what the store has for it; or a text of the administrator's, in which `%s` is the key, `%u` and `%d` are local part and
 * domain of the mailbox, and `%%` is a percent sign, as in Postfix's ldap_table(5).
 */
export type ReplyForm = 'key' | 'address' | 'mailbox' | 'value' | { readonly text: string };

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
