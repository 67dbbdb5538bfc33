// A server that speaks like the applications of the HTTP presets, each below a path with the name of its preset, in a
// process of its own. Its parent sends it a mode: `well`, or a lie of LIES, which then is every answer.
//
// In example.org are the mailboxes fred, off (disabled), full (over quota) and user0 to user39, the aliases info, gone
// (disabled) and 12abc, and nothing else. In wild.example every name exists.

import { createServer } from 'node:http';

const KEY = 'the key';
const USERS = Array.from({ length: 40 }, (_, at) => `user${at}`);
const STATES = new Map([
  ['fred', 'active'],
  ['a&b', 'active'],
  ['a+b', 'active'],
  ['off', 'disabled'],
  ['full', 'overquota'],
]);
for (const user of USERS) STATES.set(user, 'active');
const ALIASES = new Map([
  ['info', ['fred@example.org', 'joe@example.net']],
  ['12abc', ['fred@example.org']],
]);

const localIn = (address, domain = 'example.org') =>
  address.endsWith(`@${domain}`) ? address.slice(0, -domain.length - 1) : undefined;
const stateOf = (address) => STATES.get(localIn(address));
const targetsOf = (address) => ALIASES.get(localIn(address));

const say = (status, type, body) => ({ status, type, body });
const json = (status, content) => say(status, 'application/json', JSON.stringify(content));
const page = (status, body) => say(status, 'text/html; charset=utf-8', body);

const FLASK = `<!doctype html>
<html lang=en>
<title>404 Not Found</title>
<h1>Not Found</h1>
<p>The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again.</p>
`;

/** Mailu's /internal/postfix/KIND/KEY. */
function podop({ segments: [, , kind, key] }) {
  const found = (text) => (text === undefined ? page(404, FLASK) : json(200, text));
  if (kind === 'domain') return found(key === 'example.org' ? key : undefined);
  if (key.indexOf('@') !== key.lastIndexOf('@')) return kind === 'alias' ? found() : page(500, 'Internal Server Error');
  if (kind === 'mailbox') return found(stateOf(key) === undefined ? undefined : key);
  const own = stateOf(key) === undefined || stateOf(key) === 'disabled' ? undefined : key;
  const real = localIn(key, 'alternative.example') === 'fred' ? 'fred@example.org' : undefined;
  return found(targetsOf(key)?.join(',') ?? own ?? real);
}

function userli({ segments: [, , kind, key], headers }) {
  if (headers.authorization !== `Bearer ${KEY}`) return json(401, { error: 'Unauthorized' });
  if (kind === 'domain') return json(200, key === 'example.org');
  if (kind === 'alias') return json(200, targetsOf(key) ?? []);
  return json(200, stateOf(key) !== undefined);
}

function restConnector({ query, headers }) {
  if (headers['x-auth-token'] !== KEY) return json(401, {});
  const key = query.get('key');
  const found = {
    mailbox: () => (stateOf(key) === undefined ? [] : [key]),
    alias: () => targetsOf(key) ?? [],
    domain: () => (key === 'example.org' ? ['example.org'] : []),
    access: () => (key === 'joe' ? ['REJECT', '550'] : []),
  }[query.get('name')]?.();
  if (found === undefined) return page(404, 'no such map');
  return found.length === 0 && key.startsWith('nobody0') ? json(404, {}) : json(200, found);
}

function pfxhttp({ body, headers }) {
  const { key } = JSON.parse(body);
  const found = {
    mailbox: () => (stateOf(key) === undefined ? undefined : key),
    alias: () => targetsOf(key)?.join(', '),
    domain: () => (key === 'example.org' ? 'yes' : undefined),
  }[headers['x-pfx-name']]();
  if (key === 'empty@example.org') return json(200, { data: { result: '' } });
  if (key === 'nobody@example.org') return json(200, { data: {}, error: 'not-found' });
  return json(200, { data: found === undefined ? {} : { result: found } });
}

function nauthilus({ url, body, headers }) {
  if (headers.authorization !== KEY) return json(401, { error: 'unauthorized' });
  const { username, protocol, client_ip: ip } = JSON.parse(body);
  if (url !== '/nauthilus/api/v1/auth/json?mode=no-auth' || protocol !== 'smtp' || ip === undefined)
    return json(400, {});
  if (stateOf(username) === undefined) return say(403, 'application/json; charset=utf-8', 'null');
  return json(200, { ok: true, account_field: 'account', backend: 1, attributes: {} });
}

function wildduck({ segments: [kind, id, address], headers }) {
  if (headers['x-access-token'] !== KEY) return json(403, { error: 'Invalid accessToken value', code: 'InvalidToken' });
  if (kind === 'users') return wildduckUser(id);
  const [local, domain] = [address.slice(0, address.lastIndexOf('@')), address.slice(address.lastIndexOf('@') + 1)];
  if (local === '') return json(400, { error: 'invalid', code: 'InputValidationError' });
  const plain = domain === 'wild.example' ? 'fred' : local.replace(/\+.*/, '').replaceAll('.', '');
  const own = domain === 'wild.example' ? 'fred@example.org' : `${plain}@${domain}`;
  if (stateOf(own) !== undefined)
    return json(200, {
      success: true,
      id: 'a1',
      address: `${plain[0]}.${plain.slice(1)}@${domain}`,
      user: `u-${plain}`,
      tags: [],
    });
  const targets = targetsOf(own);
  if (targets !== undefined) return json(200, { success: true, id: 'a2', address: own, targets, tags: [] });
  return json(404, { error: 'Invalid or unknown address', code: 'AddressNotFound' });
}

function wildduckUser(id) {
  const state = STATES.get(id.slice(2));
  const quota = { allowed: state === 'overquota' ? 100 : 0, used: 100 };
  return json(200, { success: true, disabled: state === 'disabled', limits: { quota } });
}

/** mailcow's nginx gives the decoded path to PHP as a query, and PHP decodes it once more. */
function mailcow({ segments: [, , , kind, once], headers }) {
  if (headers['x-api-key'] === undefined) return say(200, 'application/json', '');
  if (headers['x-api-key'] !== KEY) return json(401, { type: 'error', msg: 'authentication failed' });
  const key = decodeURIComponent(once.split(/[&#]/)[0].replaceAll('+', ' '));
  const found = {
    mailbox() {
      const state = stateOf(key);
      if (state === undefined) return {};
      const full = state === 'overquota';
      return {
        username: key,
        active: state === 'disabled' ? 0 : key.startsWith('user') ? 2 : 1,
        quota: full ? 100 : 0,
        quota_used: 100,
      };
    },
    alias() {
      if (/^12(?!abc@)/.test(key)) return { id: 12, address: 'other@example.org', goto: 'fred@example.org', active: 1 };
      if (key === 'gone@example.org') return { id: 13, address: key, goto: 'fred@example.org', active: 0 };
      const targets = targetsOf(key);
      return targets === undefined ? {} : { id: 14, address: key, goto: targets.join(','), active: 1 };
    },
    domain() {
      if (key === 'backup.example') return { domain_name: key, active: 1, backupmx: 1 };
      return key === 'example.org' || key === 'other.example'
        ? { domain_name: 'example.org', active: 1, backupmx: 0 }
        : {};
    },
    'alias-domain': () =>
      key === 'alias.example' ? { alias_domain: key, target_domain: 'example.org', active: 1 } : {},
  }[kind]();
  return json(200, found);
}

const DIALECTS = { podop, userli, 'rest-connector': restConnector, pfxhttp, nauthilus, wildduck, mailcow };

/** What may stand in front of an application, or instead of it. */
const LIES = {
  'a 404 page': () => page(404, '<html><h1>404 Not Found</h1></html>\n'),
  'a 404 without content': () => say(404, undefined, ''),
  'a 200 without content': () => say(200, 'application/json', ''),
  'a 200 without content and type': () => say(200, undefined, ''),
  'a 403 in JSON': () => json(403, { error: 'blocked' }),
  'a 403 page': () => page(403, 'null'),
  'a 401': () => json(401, { error: 'Unauthorized' }),
  'a page to log in': () => page(200, '<html>Log in</html>'),
  'an error with 200': () => json(200, { error: 'the database is down' }),
  'a failure with 200': () => json(200, { success: false, type: 'error', msg: 'try again' }),
  'null with 200': () => json(200, null),
  'a number with 200': () => json(200, 0),
  'a redirect': () => say(302, undefined, ''),
  'a 500': () => json(500, { error: 'Internal Server Error' }),
  429: () => ({ ...json(429, {}), headers: { 'retry-after': '1' } }),
};

let mode = 'well';

const answer = async (request) => {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost');
  const [, name, ...segments] = pathname.split('/').map(decodeURIComponent);
  let body = '';
  for await (const chunk of request) body += chunk;
  if (Object.hasOwn(LIES, mode)) return LIES[mode]();
  const asked = { url: request.url, segments, query: searchParams, headers: request.headers, body };
  const own = DIALECTS[name](asked);
  return mode === 'as text' ? { ...own, type: 'text/plain' } : own;
};

const serve = async (request, response) => {
  const { status, type, body, headers } = await answer(request);
  response.writeHead(status, { ...(type !== undefined && { 'content-type': type }), ...headers }).end(body);
};

const server = createServer((request, response) => void serve(request, response));
process.on('message', (message) => {
  if (message.mode !== undefined) ({ mode } = message);
  const done = () => process.send({ done: true });
  if (message.listen !== undefined) server.listen(...message.listen, done);
  else done();
});
process.on('disconnect', () => process.exit());
