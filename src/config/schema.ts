import { CLASSES } from '../vocabulary.ts';
import { LOG_LEVELS, type MapKind } from './config.ts';
import { type RecipientKeys, mistakesOfRecipient, recipientOptions } from './recipient.ts';
import { type Context, complain, oneOf, parsedBy, section, text, wholeNumber, yesOrNo, z } from '../toml/type.ts';
import * as value from '../toml/value.ts';

/**
 * The TOML file, section by section: what each key may be, its default, and a description that completes the sentence
 * "give ...". Keys are as in the file; each section is transformed into its part of Config.
 */

/** A map, with the stores that it names, or null where it names none. */
export type MapDraft = { readonly stores: readonly string[] | null } & MapKind;

const DOMAIN = 'a domain, such as "example.org"';
const REPLY = 'OK, NOTFOUND, TEMP or PERM, the last two with a text, such as "PERM mailbox is full"';
const HOUR_MS = 3_600_000;
const MOST_CONNECTIONS = 1_000_000;

export const log = z.strictObject({ level: oneOf(LOG_LEVELS, 'info') });

export const limits = section(
  {
    request_bytes: wholeNumber(100, 1_000_000, 10_000, 'bytes'), // Postfix asks with no more (socketmap_table(5))
    reply_bytes: wholeNumber(100, 1_000_000, 100_000, 'bytes'), // Postfix refuses a longer one (socketmap_table(5))
    deadline_ms: wholeNumber(1, HOUR_MS, 4_000, 'milliseconds'), // below the 5 s of Exim's readsocket
    unfinished_ms: wholeNumber(1, HOUR_MS, 30_000, 'milliseconds'),
    unread_ms: wholeNumber(1, HOUR_MS, 30_000, 'milliseconds'),
    idle_ms: wholeNumber(0, 24 * HOUR_MS, 0, 'milliseconds, or 0 for no limit'),
    stop_ms: wholeNumber(0, 24 * HOUR_MS, 2 * HOUR_MS, 'milliseconds'), // Sendmail ends an idle session after 1 h
    handover_ms: wholeNumber(0, 7 * 24 * HOUR_MS, 24 * HOUR_MS, 'milliseconds'),
    soft_connections: wholeNumber(1, MOST_CONNECTIONS, 12_000, 'connections'),
    hard_connections: wholeNumber(1, MOST_CONNECTIONS, 16_000, 'connections'),
  },
  (raw, context) => {
    if (raw.soft_connections <= raw.hard_connections) return;
    const remedy = 'give less, or raise hard_connections';
    complain(context, [{ key: 'soft_connections', reason: 'is over hard_connections', remedy }]);
  },
);

const aliasDomains = z
  .record(z.string(), parsedBy(DOMAIN, value.domain))
  .default({})
  .superRefine((raw, context) => {
    for (const alias of Object.keys(raw)) {
      const message = value.flawOfAliasDomain(alias, raw);
      const remedy = 'let it stand for a domain that holds mailboxes';
      if (message !== null) context.addIssue({ code: 'custom', path: [alias], message, params: { remedy } });
    }
  })
  .transform((raw) => new Map(Object.entries(raw).map(([alias, target]) => [value.domain(alias), target])))
  .describe('domains and what they stand for, { "sales.example" = "example.org" }');

/** What maps have whose keys are addresses. */
const recipientKeys = {
  default_domain: parsedBy(DOMAIN, value.domain).optional(),
  local_domains: z
    .array(parsedBy(DOMAIN, value.domainOrAny))
    .default([])
    .describe('domains, such as ["localhost"], or ["*"] for any'),
  alias_domains: aliasDomains,
  fold: oneOf(['both', 'domain', 'none'], 'both'),
};
const separators = z.array(text('separators, such as ["+"]')).default(['+']).describe('separators, such as ["+"]');
const replyText = z.strictObject({ text: parsedBy('a text with %s, %u, %d and %% in it', value.replyText) });

const mailboxKeys = {
  ...recipientKeys,
  detail: z
    .strictObject({
      separators,
      policy: oneOf(['folder', 'folder-or-inbox', 'ignore'], 'ignore'),
      folder_case: oneOf(['exact', 'insensitive'], 'exact'),
    })
    .prefault({})
    .describe('{ separators = ["+"], policy = "ignore", folder_case = "exact" }'),
  shared_user: parsedBy('a local part, such as "shared", or "" for `+folder`', value.sharedUser).optional(),
  states: z
    .strictObject({
      disabled: parsedBy(REPLY, value.stateReply).default({ kind: 'NOTFOUND' }),
      overquota: parsedBy(REPLY, value.stateReply).default({ kind: 'TEMP', reason: 'mailbox is over quota' }),
    })
    .prefault({})
    .describe('{ disabled = "NOTFOUND", overquota = "TEMP mailbox is over quota" }'),
  aliases: yesOrNo(false),
  reply: replyForm(['key', 'address', 'mailbox', 'value']),
};

const aliasKeys = {
  ...recipientKeys,
  detail: z
    .strictObject({ separators, carry: yesOrNo(true) })
    .prefault({})
    .describe('{ separators = ["+"], carry = true }'),
  expand: oneOf(['once', 'fully'], 'once'),
  catch_all: oneOf(['unknown', 'any', 'none'], 'unknown'),
};

/** One `[map.NAME]`, by its kind. */
export const kinds = (name: string, allStores: readonly string[]) => {
  const storeName = parsedBy(`one of ${allStores.join(', ')}`, (store) => value.oneOf(store, 'store', allStores));
  const common = {
    kind: z.string().optional(),
    stores: z
      .array(storeName)
      .min(1)
      .optional()
      .describe(`names of stores: ${allStores.join(', ')}`),
  };
  return {
    mailbox: z
      .strictObject({ ...common, ...mailboxKeys })
      .superRefine(checkRecipientKeys)
      .transform((raw): MapDraft => ({
        kind: 'mailbox',
        stores: raw.stores ?? null,
        options: {
          ...recipientOptions(raw),
          policy: raw.detail.policy,
          folderCase: raw.detail.folder_case,
          sharedUser: raw.shared_user ?? null,
          states: raw.states,
          aliases: raw.aliases,
          reply: raw.reply,
        },
      })),
    alias: z
      .strictObject({ ...common, ...aliasKeys })
      .superRefine(checkRecipientKeys)
      .transform((raw): MapDraft => ({
        kind: 'alias',
        stores: raw.stores ?? null,
        options: {
          ...recipientOptions(raw),
          carryDetail: raw.detail.carry,
          expand: raw.expand,
          catchAll: raw.catch_all,
        },
      })),
    domain: z
      .strictObject({
        ...common,
        alias_domains: aliasDomains,
        class: z
          .enum(CLASSES)
          .optional()
          .describe(`one of ${CLASSES.join(', ')}`),
        reply: replyForm(['key', 'value']),
      })
      .transform((raw): MapDraft => ({
        kind: 'domain',
        stores: raw.stores ?? null,
        options: { aliasDomains: raw.alias_domains, class: raw.class ?? null, reply: raw.reply },
      })),
    table: z
      .strictObject({
        ...common,
        table: parsedBy('the name of a table in the store', value.tableName).default(name),
        fold: oneOf(['both', 'none'], 'both'),
      })
      .superRefine(({ table }, context) => {
        if (table !== '*') return;
        const remedy = 'set it to the name that `smmap table` knows the table by';
        complain(context, [{ key: 'table', reason: 'is missing', remedy }]);
      })
      .transform((raw): MapDraft => ({
        kind: 'table',
        stores: raw.stores ?? null,
        options: { table: raw.table, fold: raw.fold },
      })),
  };
};

function checkRecipientKeys(raw: RecipientKeys, context: Context): void {
  complain(context, mistakesOfRecipient(raw));
}

function replyForm<const T extends readonly [string, ...string[]]>(words: T) {
  return z
    .union([z.enum(words), replyText])
    .default('key' as never)
    .describe(`one of ${words.join(', ')}, or { text = "lmtp:unix:/run/cyrus/socket/lmtp" }`);
}
