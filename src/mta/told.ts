import type { Reply } from '../vocabulary.ts';

/** A mail server whose replies are known. */
export const SERVERS = ['Postfix', 'Sendmail', 'Exim', 'OpenSMTPD'] as const;
export type Server = (typeof SERVERS)[number];

/** What a mail server says to the SMTP client at RCPT. */
export interface Told {
  readonly server: Server;
  /** Code, enhanced code and text. Or what it does, if the reply alone does not decide what the client is told. */
  readonly text: string;
  /** Whether `text` is what the client gets. */
  readonly isReply: boolean;
  /** What the client gets instead if the domain is a virtual one. Null: the same. */
  readonly virtual: string | null;
}

type Word = 'OK' | 'NOTFOUND' | 'TEMP' | 'PERM';
type Words = Readonly<
  Record<Server, { readonly text: string; readonly isReply: boolean; readonly virtual: string | null }>
>;

const reply = (text: string, virtual: string | null = null) => ({ text, isReply: true, virtual });
const act = (text: string) => ({ text, isReply: false, virtual: null });

const EXPANSION = 'Mailing list expansion problem: <KEY>';

/** A map of kind mailbox, asked as `smmap mta` sets it up. test/real/mta.test.ts compares this with the mail servers. */
const MAILBOX: Readonly<Record<Word, Words>> = {
  OK: {
    Postfix: reply('250 2.1.5 Ok'),
    Sendmail: reply('250 2.1.5 <KEY>... Recipient ok'),
    Exim: reply('250 Accepted'),
    OpenSMTPD: reply('250 2.1.5 Destination address valid: Recipient ok'),
  },
  NOTFOUND: {
    Postfix: reply('550 5.1.1 <KEY>: Recipient address rejected: User unknown in virtual mailbox table'),
    Sendmail: reply('550 5.1.1 <KEY>... User unknown.', '550 5.1.1 <KEY>... No such user here'),
    Exim: reply('550 5.1.1 User unknown'),
    OpenSMTPD: reply('550 Invalid recipient: <KEY>', `524 5.2.4 ${EXPANSION}`),
  },
  TEMP: {
    Postfix: reply('451 4.3.0 <KEY>: Temporary lookup failure'),
    Sendmail: reply('451 4.3.0 Temporary system failure. Please try again later.'),
    Exim: reply('451 4.3.0 Temporary lookup failure'),
    OpenSMTPD: reply('451 Temporary failure: <KEY>', `424 4.2.4 ${EXPANSION}`),
  },
  PERM: {
    Postfix: reply('451 4.3.5 Server configuration error'),
    Sendmail: reply('550 5.1.1 <KEY>... User unknown.', '550 5.1.1 <KEY>... No such user here'),
    Exim: reply('451 4.3.0 Temporary lookup failure'),
    OpenSMTPD: reply('451 Temporary failure: <KEY>', `424 4.2.4 ${EXPANSION}`),
  },
};

const ASKS_NO = act('does not ask a map of this kind');
const same = (text: string): Words => {
  const each = act(text);
  return { Postfix: each, Sendmail: each, Exim: each, OpenSMTPD: each };
};
const onlyPostfix = (words: Words): Words => ({ ...words, Sendmail: ASKS_NO, Exim: ASKS_NO, OpenSMTPD: ASKS_NO });
const tables = (words: Words): Words => ({ ...words, Exim: ASKS_NO, OpenSMTPD: ASKS_NO });

/** The words for each kind of map and each reply. */
const WORDS: Readonly<Record<string, Readonly<Record<Word, Words>>>> = {
  mailbox: MAILBOX,
  alias: {
    ...MAILBOX,
    OK: same('goes on with the targets, and asks about each of them'),
    NOTFOUND: same('is not refused because of this: goes on to the mailboxes'),
  },
  domain: {
    OK: onlyPostfix(same('takes the domain as one of its own')),
    NOTFOUND: onlyPostfix(same('is not a domain of this list: looks in its next list, or relays')),
    TEMP: onlyPostfix(MAILBOX.TEMP),
    PERM: onlyPostfix(MAILBOX.PERM),
  },
  table: {
    OK: tables(same('does what the value says in the table that it is for')),
    NOTFOUND: tables(same('goes on without a value')),
    TEMP: tables(MAILBOX.TEMP),
    PERM: tables(MAILBOX.PERM),
  },
};

/** What each mail server says to the SMTP client if a map of this kind replies so. Empty for a kind without known words. */
export function toldOf(
  kind: string,
  { kind: word }: Reply,
  key: string,
  protocols: readonly string[],
): readonly Told[] {
  const words = WORDS[kind]?.[word === 'TIMEOUT' ? 'TEMP' : word];
  if (words === undefined) return [];
  const named = (text: string): string => text.replace('<KEY>', () => `<${key}>`);
  return SERVERS.map((server) => {
    const { text, isReply, virtual } = words[server];
    const byLine = server === 'OpenSMTPD' && protocols.includes('line');
    if (byLine || protocols.includes('netstring') || words[server] === ASKS_NO) {
      const other = server === 'OpenSMTPD' && !byLine ? null : virtual; // since 7.6 it asks for all mailboxes in one way
      return { server, text: named(text), isReply, virtual: other === null ? null : named(other) };
    }
    return { server, text: 'cannot ask: no listener has protocol = "netstring"', isReply: false, virtual: null };
  });
}
