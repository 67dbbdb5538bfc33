import { oneOf, optional, parsedBy, section, yesOrNo, z } from '../toml/type.ts';
import type { Reply } from '../vocabulary.ts';
import { checkRecipientKeys, recipientKeys, separators } from './recipient-keys.ts';
import { replyForm } from './value.ts';

const REPLY = 'OK, NOTFOUND, TEMP or PERM, the last two with a text, such as "PERM mailbox is full"';

const OVERQUOTA = { reason: 'mailbox is over quota' } as const;

/** A `[map.NAME]` of kind mailbox. */
export const mailboxKeys = section(
  {
    ...recipientKeys,
    detail: section({
      separators,
      /** What `user+detail` finds: its folder; its folder, or else the mailbox; or the mailbox. */
      policy: oneOf(['folder', 'folder-or-inbox', 'ignore'], 'ignore'),
      /**
       * Whether the case of a folder counts, as in Cyrus: Sendmail asks in lower case, so it never finds `Abc` there.
       */
      folder_case: oneOf(['exact', 'insensitive'], 'exact'),
    })
      .prefault({})
      .describe('{ separators = ["+"], policy = "ignore", folder_case = "exact" }'),
    /**
     * The user name for the shared folders of a domain, as postuser of imapd.conf(5) in Cyrus. With `bb`, the address
     * `bb+news` finds the shared folder `news`. With an empty name, `+news` finds it. Null: no address finds a shared
     * folder.
     */
    shared_user: optional(parsedBy('a local part, such as "shared", or "" for `+folder`', sharedUser)),
    /** The reply for a mailbox that is not active. An OK has the same value as for an active one. */
    states: section({
      disabled: parsedBy(REPLY, stateReply).prefault('NOTFOUND'),
      overquota: parsedBy(REPLY, stateReply).prefault(`TEMP ${OVERQUOTA.reason}`),
    })
      .prefault({})
      .describe('{ disabled = "NOTFOUND", overquota = "TEMP mailbox is over quota" }'),
    /** Whether the map also accepts an address that is only an alias, or that a catch-all takes. */
    aliases: yesOrNo(false),
    /** What follows OK. */
    reply: replyForm(['key', 'address', 'mailbox', 'value']),
  },
  checkRecipientKeys,
).transform(({ detail, ...others }) => ({ ...others, ...detail }));

/** The keys, as they are read. */
export type MailboxOptions = Readonly<z.output<typeof mailboxKeys>>;

/** Case-folded, as it is compared. Only ASCII, because folding other characters may change the length. */
function sharedUser(text: string): string {
  if (!/^[\x21-\x7e]*$/.test(text) || text.includes('@')) throw new Error(`"${text}" is not a local part in ASCII`);
  return text.toLowerCase();
}

/** A reply of `states`. An OK has no value here; the map gives it one. */
function stateReply(text: string): Reply {
  const [, word, reason] = /^(TEMP|PERM) (.+)$/.exec(text) ?? [];
  if ((word === 'TEMP' || word === 'PERM') && reason !== undefined) return { kind: word, reason };
  if (text === 'OK') return { kind: 'OK', value: '' };
  if (text === 'NOTFOUND') return { kind: 'NOTFOUND' };
  throw new Error(`"${text}" is not a reply`);
}
