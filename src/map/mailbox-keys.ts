import { oneOf, optional, parsedBy, section, yesOrNo, z } from '../toml/type.ts';
import type { Reply } from '../vocabulary.ts';
import { checkRecipientKeys, recipientKeys, separators } from './recipient-keys.ts';
import { replyForm } from './value.ts';

const REPLY = 'OK, NOTFOUND, TEMP or PERM, the last two with a text, such as "PERM mailbox is full"';

/** A `[map.NAME]` of kind mailbox. */
export const mailboxKeys = section(
  {
    ...recipientKeys,
    detail: section({
      separators,
      /** What `user+detail` needs besides the mailbox: its folder, its folder if there is one, or nothing. */
      policy: oneOf(['folder', 'folder-or-inbox', 'ignore'], 'ignore'),
      /** Whether a folder has to be asked for in its own case; Cyrus insists, and so never finds `Abc` for Sendmail. */
      folder_case: oneOf(['exact', 'insensitive'], 'exact'),
    })
      .prefault({})
      .describe('{ separators = ["+"], policy = "ignore", folder_case = "exact" }'),
    /**
     * Who stands for the shared folders of a domain: `bb` lets `bb+news` in where there is a shared folder `news`, and the
     * empty name lets in `+news`, both as in Cyrus (postuser of imapd.conf(5)). Null: nobody.
     */
    shared_user: optional(parsedBy('a local part, such as "shared", or "" for `+folder`', sharedUser)),
    /** The reply for a mailbox that exists but is not active. OK gets the value of any other OK. */
    states: section({
      disabled: parsedBy(REPLY, stateReply).default({ kind: 'NOTFOUND' }),
      overquota: parsedBy(REPLY, stateReply).default({ kind: 'TEMP', reason: 'mailbox is over quota' }),
    })
      .prefault({})
      .describe('{ disabled = "NOTFOUND", overquota = "TEMP mailbox is over quota" }'),
    /** Whether an address is a recipient too that exists only as an alias, or that a catch-all takes. */
    aliases: yesOrNo(false),
    /** What follows OK. */
    reply: replyForm(['key', 'address', 'mailbox', 'value']),
  },
  checkRecipientKeys,
).transform(({ detail, ...others }) => ({ ...others, ...detail }));

/** What these keys come to. */
export type MailboxOptions = Readonly<z.output<typeof mailboxKeys>>;

/** Folded, as it is compared; ASCII, so that folding does not change where the separator is. */
function sharedUser(text: string): string {
  if (!/^[\x21-\x7e]*$/.test(text) || text.includes('@')) throw new Error(`"${text}" is no local part in ASCII`);
  return text.toLowerCase();
}

/** OK has no value here: the map has it. */
function stateReply(text: string): Reply {
  const [, word, reason] = /^(TEMP|PERM) (.+)$/.exec(text) ?? [];
  if ((word === 'TEMP' || word === 'PERM') && reason !== undefined) return { kind: word, reason };
  if (text === 'OK') return { kind: 'OK', value: '' };
  if (text === 'NOTFOUND') return { kind: 'NOTFOUND' };
  throw new Error(`"${text}" is no reply`);
}
