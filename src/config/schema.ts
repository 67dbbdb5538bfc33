import { z } from 'zod';
import type { StoredRecord } from '../store/record/record.ts';
import { CLASSES } from '../vocabulary.ts';
import { type ListenerConfig, LOG_LEVELS, type MapKind, type Mistake, type StoreConfig } from './config.ts';
import { readListener } from './listener.ts';
import { type RecipientKeys, mistakesOfRecipient, recipientOptions } from './recipient.ts';
import * as value from './value.ts';

/**
 * The TOML file, section by section: what each key may be, its default, and a description that completes the sentence
 * "give ...". Keys are as in the file; each section is transformed into its part of Config.
 */

export type Schema<T = unknown> = z.ZodType<T>;
export type Issue = z.core.$ZodIssue;

/** A map, with the stores that it names, or null where it names none. */
export type MapDraft = { readonly stores: readonly string[] | null } & MapKind;

const wholeNumber = (from: number, to: number, fallback: number, what: string) =>
  z.int().min(from).max(to).default(fallback).describe(`${what}, from ${from} to ${to}`);

const text = (what: string) => z.string().min(1).describe(what);
const NETWORKS = 'networks, such as ["192.0.2.0/24", "2001:db8::/32"]';
const ENTRIES = 'lines that `smmap table import` reads, such as "example.com REJECT"';
const DOMAIN = 'a domain, such as "example.org"';
const REPLY = 'OK, NOTFOUND, TEMP or PERM, the last two with a text, such as "PERM mailbox is full"';
const HOUR_MS = 3_600_000;
const MOST_CONNECTIONS = 1_000_000;

export const log = z.strictObject({ level: oneOf(LOG_LEVELS, 'info') });

export const limits = z
  .strictObject({
    request_bytes: wholeNumber(100, 1_000_000, 10_000, 'bytes'), // Postfix asks with no more (socketmap_table(5))
    reply_bytes: wholeNumber(100, 1_000_000, 100_000, 'bytes'), // Postfix refuses a longer one (socketmap_table(5))
    deadline_ms: wholeNumber(1, HOUR_MS, 4_000, 'milliseconds'), // below the 5 s of Exim's readsocket
    unfinished_ms: wholeNumber(1, HOUR_MS, 30_000, 'milliseconds'),
    unread_ms: wholeNumber(1, HOUR_MS, 30_000, 'milliseconds'),
    idle_ms: wholeNumber(0, 24 * HOUR_MS, 0, 'milliseconds, or 0 for no limit'),
    stop_ms: wholeNumber(0, HOUR_MS, 3_000, 'milliseconds'),
    handover_ms: wholeNumber(0, 24 * HOUR_MS, 600_000, 'milliseconds'),
    soft_connections: wholeNumber(1, MOST_CONNECTIONS, 12_000, 'connections'),
    hard_connections: wholeNumber(1, MOST_CONNECTIONS, 16_000, 'connections'),
  })
  .superRefine((raw, context) => {
    if (raw.soft_connections <= raw.hard_connections) return;
    const remedy = 'give less, or raise hard_connections';
    complain(context, [{ key: 'soft_connections', reason: 'is over hard_connections', remedy }]);
  })
  .transform((raw) => ({
    requestBytes: raw.request_bytes,
    replyBytes: raw.reply_bytes,
    deadlineMs: raw.deadline_ms,
    unfinishedMs: raw.unfinished_ms,
    unreadMs: raw.unread_ms,
    idleMs: raw.idle_ms,
    stopMs: raw.stop_ms,
    handoverMs: raw.handover_ms,
    softConnections: raw.soft_connections,
    hardConnections: raw.hard_connections,
  }));

/** One `[listen.NAME]`. */
export const listener = z
  .strictObject({
    path: parsedBy('the absolute path of a socket', value.socketPath).optional(),
    tcp: parsedBy('an address and a port, such as "127.0.0.1:2004" or "[::1]:2004"', value.tcp).optional(),
    systemd: text('the FileDescriptorName of a systemd socket unit').optional(),
    mode: parsedBy('permissions in octal, such as "0660"', value.mode).optional(),
    owner: parsedBy('the name or number of a user of this machine', value.user).optional(),
    group: parsedBy('the name or number of a group of this machine', value.group).optional(),
    allow: z.array(parsedBy(NETWORKS, value.network)).optional().describe(NETWORKS),
    protocol: oneOf(['netstring', 'line'], 'netstring'),
  })
  .transform((raw, context): ListenerConfig => {
    const read = readListener(raw);
    if ('kind' in read) return read;
    complain(context, read);
    return z.NEVER;
  });

/** One `[store.NAME]`, by its driver. */
export const drivers = {
  embedded: z
    .strictObject({ driver: z.string(), path: parsedBy('the absolute path of a folder', value.absolutePath) })
    .transform((raw): StoreConfig => ({ driver: 'embedded', path: raw.path })),
  memory: z
    .strictObject({
      driver: z.string(),
      mailboxes: listOf(`lines that \`smmap mailbox import\` reads, such as "fred@example.org"`, value.mailboxLine),
      aliases: listOf(
        `lines that \`smmap alias import\` reads, such as "info@example.org fred@example.org"`,
        value.aliasLine,
      ),
      domains: listOf(`lines that \`smmap domain import\` reads, such as "example.org relay"`, value.domainLine),
      tables: z
        .record(z.string(), z.array(z.string()).describe(ENTRIES))
        .transform(entriesOf)
        .default([])
        .describe('{ access = ["example.com REJECT"] }'),
    })
    .transform((raw, context): StoreConfig => {
      const records = [raw.mailboxes, raw.aliases, raw.domains, raw.tables].flat();
      const remedy = 'give it mailboxes, aliases, domains or tables';
      if (records.length === 0)
        context.addIssue({ code: 'custom', path: [], message: 'holds nothing', params: { remedy } });
      return { driver: 'memory', records };
    }),
};

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
  local_domains: z.array(parsedBy(DOMAIN, value.domain)).default([]).describe('domains, such as ["localhost"]'),
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
  aliases: z.boolean().default(false).describe('true or false'),
  reply: replyForm(['key', 'address', 'mailbox', 'value']),
};

const aliasKeys = {
  ...recipientKeys,
  detail: z
    .strictObject({ separators, carry: z.boolean().default(true).describe('true or false') })
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

function checkRecipientKeys(raw: RecipientKeys, context: z.RefinementCtx): void {
  complain(context, mistakesOfRecipient(raw));
}

function complain(context: z.RefinementCtx, mistakes: readonly Mistake[]): void {
  for (const { key, reason, remedy } of mistakes) {
    context.addIssue({ code: 'custom', path: [key], message: reason, params: { remedy } });
  }
}

function oneOf<const T extends readonly [string, ...string[]]>(words: T, fallback: T[number]) {
  return z
    .enum(words)
    .default(fallback as never)
    .describe(`one of ${words.join(', ')}`);
}

function replyForm<const T extends readonly [string, ...string[]]>(words: T) {
  return z
    .union([z.enum(words), replyText])
    .default('key' as never)
    .describe(`one of ${words.join(', ')}, or { text = "lmtp:unix:/run/cyrus/socket/lmtp" }`);
}

function parsedBy<T>(what: string, parse: (raw: string) => T) {
  return z
    .string()
    .transform((raw, context) => {
      try {
        return parse(raw);
      } catch (error) {
        context.addIssue({ code: 'custom', message: (error as Error).message });
        return z.NEVER;
      }
    })
    .describe(what);
}

/** Records of a store that stand in this file; without any, nobody could be certain that nobody exists. */
function listOf(what: string, parse: (line: string) => StoredRecord) {
  return z.array(parsedBy(what, parse)).default([]).describe(`at least one of the ${what}`);
}

function entriesOf(raw: Readonly<Record<string, readonly string[]>>, context: z.RefinementCtx): StoredRecord[] {
  const parse = (table: string, line: string, at: number): StoredRecord[] => {
    try {
      return [value.entryLine(value.tableName(table))(line)];
    } catch (error) {
      context.addIssue({ code: 'custom', path: [table, at], message: (error as Error).message });
      return [];
    }
  };
  return Object.entries(raw).flatMap(([table, lines]) => lines.flatMap((line, at) => parse(table, line, at)));
}
