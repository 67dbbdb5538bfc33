import { z } from 'zod';
import { isLoopback } from '../socket/listener.ts';
import { type ListenerConfig, LOG_LEVELS, type MapConfig, type StoreConfig } from './config.ts';
import * as value from './value.ts';

/**
 * The TOML file, section by section: what each key may be, its default, and a description that completes the sentence
 * "give ...". Keys are as in the file; each section is transformed into its part of Config.
 */

export type Schema<T = unknown> = z.ZodType<T>;
export type Issue = z.core.$ZodIssue;

const wholeNumber = (from: number, to: number, fallback: number, what: string) =>
  z.int().min(from).max(to).default(fallback).describe(`${what}, from ${from} to ${to}`);

const text = (what: string) => z.string().min(1).describe(what);
const NETWORKS = 'networks, such as ["192.0.2.0/24", "2001:db8::/32"]';
const MAILBOXES = 'lines that `smmap mailbox import` reads, such as "fred@example.org"';
const DOMAIN = 'a domain, such as "example.org"';
const REPLY = 'OK, NOTFOUND, TEMP or PERM, the last two with a text, such as "PERM mailbox is full"';
const HOUR_MS = 3_600_000;
const MOST_CONNECTIONS = 1_000_000;

export const log = z.strictObject({
  level: z
    .enum(LOG_LEVELS)
    .default('info')
    .describe(`one of ${LOG_LEVELS.join(', ')}`),
});

export const limits = z
  .strictObject({
    request_bytes: wholeNumber(100, 1_000_000, 10_000, 'bytes'), // Postfix asks with no more (socketmap_table(5))
    reply_bytes: wholeNumber(100, 1_000_000, 100_000, 'bytes'), // Postfix refuses a longer one (socketmap_table(5))
    deadline_ms: wholeNumber(1, HOUR_MS, 4_000, 'milliseconds'), // below the 5 s of Exim's readsocket
    unfinished_ms: wholeNumber(1, HOUR_MS, 30_000, 'milliseconds'),
    unread_ms: wholeNumber(1, HOUR_MS, 30_000, 'milliseconds'),
    idle_ms: wholeNumber(0, 24 * HOUR_MS, 0, 'milliseconds, or 0 for no limit'),
    stop_ms: wholeNumber(0, HOUR_MS, 3_000, 'milliseconds'),
    soft_connections: wholeNumber(1, MOST_CONNECTIONS, 12_000, 'connections'),
    hard_connections: wholeNumber(1, MOST_CONNECTIONS, 16_000, 'connections'),
  })
  .superRefine((raw, context) => {
    if (raw.soft_connections > raw.hard_connections) {
      const remedy = 'give less, or raise hard_connections';
      context.addIssue({
        code: 'custom',
        path: ['soft_connections'],
        message: 'is over hard_connections',
        params: { remedy },
      });
    }
  })
  .transform((raw) => ({
    requestBytes: raw.request_bytes,
    replyBytes: raw.reply_bytes,
    deadlineMs: raw.deadline_ms,
    unfinishedMs: raw.unfinished_ms,
    unreadMs: raw.unread_ms,
    idleMs: raw.idle_ms,
    stopMs: raw.stop_ms,
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
  })
  .transform((raw, context): ListenerConfig => {
    const refuse = (key: string, reason: string, remedy: string): never => {
      context.addIssue({ code: 'custom', path: [key], message: reason, params: { remedy } });
      return z.NEVER;
    };
    const places = (['path', 'tcp', 'systemd'] as const).filter((key) => raw[key] !== undefined);
    if (places.length !== 1) {
      return refuse(
        '',
        `has ${places.length === 0 ? 'no place to listen' : places.join(' and ')}`,
        'give one of path, tcp and systemd',
      );
    }
    for (const key of ['mode', 'owner', 'group'] as const) {
      if (raw[key] !== undefined && raw.path === undefined)
        refuse(key, 'is for the socket file of a path', `remove ${key}`);
    }
    if (raw.allow !== undefined && raw.tcp === undefined) refuse('allow', 'is for tcp', 'remove allow');
    if (raw.tcp !== undefined) {
      const allow = raw.allow ?? [];
      if (!isLoopback(raw.tcp.host) && allow.length === 0) {
        refuse(
          'tcp',
          `reaches beyond this machine, and a socket map tells anybody who asks which mailboxes exist`,
          `list the networks of your mail servers, allow = ["192.0.2.0/24"], or listen on 127.0.0.1 or [::1]`,
        );
      }
      return { kind: 'tcp', ...raw.tcp, allow };
    }
    if (raw.systemd !== undefined) return { kind: 'systemd', name: raw.systemd };
    return {
      kind: 'unix',
      path: raw.path as string,
      mode: raw.mode ?? 0o666,
      uid: raw.owner ?? -1,
      gid: raw.group ?? -1,
    };
  });

/** One `[store.NAME]`, by its driver. */
export const drivers = {
  embedded: z
    .strictObject({ driver: z.string(), path: parsedBy('the absolute path of a folder', value.absolutePath) })
    .transform((raw): StoreConfig => ({ driver: 'embedded', path: raw.path })),
  memory: z
    .strictObject({
      driver: z.string(),
      mailboxes: z
        .array(parsedBy(MAILBOXES, value.mailboxLine))
        .min(1) // an empty list would be certain that nobody exists
        .describe(`at least one of the ${MAILBOXES}`),
    })
    .transform((raw): StoreConfig => ({ driver: 'memory', mailboxes: raw.mailboxes })),
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

/** What only a mailbox map has. */
const mailboxKeys = {
  default_domain: parsedBy(DOMAIN, value.domain).optional(),
  local_domains: z.array(parsedBy(DOMAIN, value.domain)).default([]).describe('domains, such as ["localhost"]'),
  detail: z
    .strictObject({
      separators: z.array(text('separators, such as ["+"]')).default(['+']).describe('separators, such as ["+"]'),
      policy: z
        .enum(['folder', 'folder-or-inbox', 'ignore'])
        .default('ignore')
        .describe('one of folder, folder-or-inbox, ignore'),
      folder_case: z.enum(['exact', 'insensitive']).default('exact').describe('one of exact, insensitive'),
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
  reply: z.enum(['key', 'address']).default('key').describe('one of key, address'),
};

/** One `[map.NAME]`, by its kind. `allStores` are asked in the file's order where the map names none. */
export const kinds = (allStores: readonly string[]) => {
  const kind = z.string().optional();
  const storeName = parsedBy(`one of ${allStores.join(', ')}`, (name) => value.oneOf(name, 'store', allStores));
  const stores = z
    .array(storeName)
    .min(1)
    .default([...allStores])
    .describe(`names of stores: ${allStores.join(', ')}`);
  return {
    mailbox: z
      .strictObject({ kind, stores, alias_domains: aliasDomains, ...mailboxKeys })
      .superRefine((raw, context) => {
        const both = raw.local_domains.filter((local) => raw.alias_domains.has(local));
        if (both.length > 0) {
          const remedy = 'let each stand for one domain';
          context.addIssue({
            code: 'custom',
            path: ['local_domains'],
            message: `and alias_domains both have ${both.join(', ')}`,
            params: { remedy },
          });
        }
        if (raw.local_domains.length === 0 || raw.default_domain !== undefined) return;
        const message = 'means the default domain, and there is none';
        const remedy = 'set default_domain, or remove local_domains';
        context.addIssue({ code: 'custom', path: ['local_domains'], message, params: { remedy } });
      })
      .transform((raw): MapConfig => ({
        kind: 'mailbox',
        stores: raw.stores,
        options: {
          defaultDomain: raw.default_domain ?? null,
          localDomains: new Set(raw.local_domains),
          aliasDomains: raw.alias_domains,
          separators: raw.detail.separators,
          policy: raw.detail.policy,
          folderCase: raw.detail.folder_case,
          sharedUser: raw.shared_user ?? null,
          states: raw.states,
          reply: raw.reply,
        },
      })),
    domain: z.strictObject({ kind, stores, alias_domains: aliasDomains }).transform((raw): MapConfig => ({
      kind: 'domain',
      stores: raw.stores,
      options: { aliasDomains: raw.alias_domains },
    })),
  };
};

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
