import type { QueryName } from '../../asked.ts';
import type { WrittenRequest, WrittenTable } from './request-keys.ts';

/** The requests of one application. */
export type Preset = Readonly<Partial<Record<QueryName, WrittenRequest>>>;

type Part = Partial<WrittenTable>;

/** What Flask sends for `abort(404)`, from Werkzeug 2.2 to 3.1. Mailu sends nothing else for an absence. */
const FLASK_404: Part['absent'] = {
  type: 'text/html',
  text: `<!doctype html>
<html lang=en>
<title>404 Not Found</title>
<h1>Not Found</h1>
<p>The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again.</p>
`,
};

const PODOP_ALIAS: Part = { get: 'URL/internal/postfix/alias/:address', absent: FLASK_404, value: '.' };
const USERLI: Part = { found: { json: true }, absent: { status: 200, json: false } };
const REST_CONNECTOR: Part = { absent: [{ status: 404 }, { status: 200, json: [] }], value: '[]' };
const MAILCOW: Part = {
  absent: { status: 200, json: {} },
  encode: 'twice',
  state: { field: 'active', values: { 0: 'disabled', 1: 'active', 2: 'active' } },
};
const WILDDUCK_RESOLVE = 'URL/addresses/resolve/:address?allowWildcard=true';
const WILDDUCK_USER = { fields: { success: true }, has: 'user' };
const WILDDUCK_FORWARD = { fields: { success: true }, has: 'targets', lacks: 'user' };
const WILDDUCK_404 = { status: 404, fields: { code: 'AddressNotFound' } } as const;

/**
 * The requests of applications, as an administrator would write them. `URL` stands for the key `url`.
 *
 * `podop`: the requests of Mailu's own Postfix. Its only "no" is a page of Flask, and each answer is one JSON string. Its
 * alias request also finds mailboxes, alternative domains and catch-alls, but nobody whose mailbox is disabled.
 * `userli`: its adapter for Postfix. Mailboxes and domains are `true` or `false`.
 * `rest-connector`: postfix-rest-connector. Each answer is an array of texts.
 * `pfxhttp`: the names of its own example. Its users choose others. There, any object without the value is an absence,
 *   even one that tells of a failure. So only what says nothing else is one here.
 * `nauthilus`: the lookup without a password. Its "no" is a 403 whose content is `null`.
 * `wildduck`: it ignores dots and labels, so the address in its answer is no identity. It knows the state of a user only.
 * `mailcow`: its PHP decodes the path twice. For `12@...` it may answer alias number 12, so the name is compared.
 */
export const PRESETS: Readonly<Record<string, Preset>> = {
  podop: {
    mailbox: [
      PODOP_ALIAS,
      { get: 'URL/internal/postfix/mailbox/:address', absent: FLASK_404, identity: { address: '.' } },
    ],
    alias: PODOP_ALIAS,
    domain: { get: 'URL/internal/postfix/domain/:domain', absent: FLASK_404, identity: { domain: '.' } },
  },
  userli: {
    mailbox: { get: 'URL/api/postfix/mailbox/:address', ...USERLI },
    alias: { get: 'URL/api/postfix/alias/:address', absent: { status: 200, json: [] }, value: '[]' },
    domain: { get: 'URL/api/postfix/domain/:domain', ...USERLI },
  },
  'rest-connector': {
    mailbox: { get: 'URL?name=mailbox&key=:address', ...REST_CONNECTOR },
    alias: { get: 'URL?name=alias&key=:address', ...REST_CONNECTOR },
    domain: { get: 'URL?name=domain&key=:domain', ...REST_CONNECTOR, value: undefined, found: { has: '[]' } },
    key: { get: 'URL?name=:table&key=:key', ...REST_CONNECTOR },
  },
  pfxhttp: {
    mailbox: pfxhttp('mailbox', ':address'),
    alias: pfxhttp('alias', ':address'),
    domain: { ...pfxhttp('domain', ':domain'), value: undefined },
  },
  nauthilus: {
    mailbox: {
      post: 'URL/api/v1/auth/json?mode=no-auth',
      body: { username: ':address', protocol: 'smtp', client_ip: '127.0.0.1' },
      found: { fields: { ok: true } },
      absent: { status: 403, type: 'application/json', text: 'null' },
    },
  },
  wildduck: {
    mailbox: {
      get: WILDDUCK_RESOLVE,
      found: [WILDDUCK_USER, WILDDUCK_FORWARD],
      absent: WILDDUCK_404,
      next: {
        get: 'URL/users/{user}',
        when: 'user',
        found: { fields: { success: true } },
        state: { field: 'disabled', values: { true: 'disabled', false: 'active' } },
        quota: { used: 'limits.quota.used', limit: 'limits.quota.allowed' },
      },
    },
    alias: {
      get: WILDDUCK_RESOLVE,
      found: WILDDUCK_FORWARD,
      absent: [WILDDUCK_404, { status: 200, ...WILDDUCK_USER }],
      value: 'targets',
    },
  },
  mailcow: {
    mailbox: {
      get: 'URL/api/v1/get/mailbox/:address',
      ...MAILCOW,
      identity: { address: 'username' },
      quota: { used: 'quota_used', limit: 'quota' },
    },
    alias: {
      get: 'URL/api/v1/get/alias/:address',
      ...MAILCOW,
      identity: { address: 'address' },
      value: 'goto',
    },
    domain: [
      {
        get: 'URL/api/v1/get/alias-domain/:domain',
        ...MAILCOW,
        identity: { domain: 'alias_domain' },
      },
      {
        get: 'URL/api/v1/get/domain/:domain',
        ...MAILCOW,
        identity: { domain: 'domain_name' },
        value: { field: 'backupmx', values: { 0: 'mailbox', 1: 'relay' } },
      },
    ],
  },
};

/** Names of presets from before. */
export const OLD_NAMES: Readonly<Record<string, string>> = { mailu: 'podop' };

/** The request of pfxhttp for a map of this name. `not-found` is the error that it does not count as one. */
function pfxhttp(name: string, key: string): WrittenTable {
  const has = 'data.result';
  return {
    post: 'URL',
    headers: { 'x-pfx-name': name },
    body: { key },
    value: has,
    found: [
      { has, lacks: 'error' },
      { has, fields: { error: 'not-found' } },
    ],
    absent: [
      { status: 200, json: {} },
      { status: 200, json: { data: {} } },
      { status: 200, lacks: has, fields: { error: 'not-found' } },
    ],
  };
}
