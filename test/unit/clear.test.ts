import { describe, expect, it } from 'vitest';
import { sentInClear } from '../../src/config/clear.ts';
import type { StoreConfig } from '../../src/store/driver.ts';
import { parseConfig } from '../support/config.ts';

const PASSWORD = 'password_file = "/etc/smmap/p"';

function storeOf(text: string): StoreConfig {
  const config = parseConfig(`[store.a]\n${text}\n[map.mailbox]`, 'f', { socket: '/run/s', store: '/var/lib/s' });
  return config.stores.get('a') as StoreConfig;
}
const postgresql = (url: string, more = PASSWORD): string =>
  `driver = "postgresql"\nurl = ${url}\nschema = "users"\n${more}`;
const mysql = (url: string, more = PASSWORD): string => `driver = "mysql"\nurl = ${url}\nschema = "users"\n${more}`;
const ldap = (url: string, more = `bind_dn = "cn=a"\n${PASSWORD}`): string =>
  `driver = "ldap"\nurl = ${url}\nbase = "dc=example"\npreset = "mail"\n${more}`;
const redis = (servers: string, more = PASSWORD): string =>
  `driver = "redis"\n${servers}\nmailbox = { set = "m", member = "{address}" }\n${more}`;
const http = (url: string, more = 'token_file = "/etc/smmap/t"'): string =>
  `driver = "http"\nmailbox = "${url}/:address"\ncanary = { mailbox = "a@b.example" }\n${more}`;

describe('a secret', () => {
  it.each<[string, string[]]>([
    [postgresql('"postgresql://a@db.example.org/m"'), ['db.example.org']],
    [postgresql('["postgresql://a@localhost/m", "postgresql://a@[2001:db8::1]/m"]'), ['2001:db8::1']],
    [mysql('"mysql://a@192.0.2.1/m"'), ['192.0.2.1']],
    [ldap('"ldap://ldap.example.org"'), ['ldap.example.org']],
    [
      ldap('"ldaps://a.example.org"', `replicas = ["ldap://b.example.org"]\nbind_dn = "cn=a"\n${PASSWORD}`),
      ['b.example.org'],
    ],
    [redis('url = "redis://redis.example.org"'), ['redis.example.org']],
    [redis('sentinels = ["s1.example.org:1", "s2.example.org:1"]\nmaster = "m"'), ['s1.example.org', 's2.example.org']],
    [redis('cluster = ["c1.example.org:1", "127.0.0.1:1"]'), ['c1.example.org']],
    [http('http://panel.example.org'), ['panel.example.org']],
    [http('http://panel.example.org', 'headers = { "X-API-Key" = "x" }'), ['panel.example.org']],
    [http('http://panel.example.org', 'header_files = { X-Any = "/etc/smmap/key" }'), ['panel.example.org']],
  ])('is sent without encryption by %j to %j', (text, hosts) => {
    expect(sentInClear(storeOf(text))?.hosts).toEqual(hosts);
  });

  it.each([
    postgresql('"postgresql://a@db.example.org/m"', `${PASSWORD}\ntls = {}`),
    postgresql('"postgresql://a@db.example.org/m"', ''),
    postgresql('"postgresql:///m?host=/run/postgresql"'),
    mysql('"mysql://a@localhost/m?socketPath=/run/m.sock"'),
    mysql('"mysql://a@127.1.2.3/m"'),
    ldap('"ldap://ldap.example.org"', `start_tls = true\nbind_dn = "cn=a"\n${PASSWORD}`),
    ldap('"ldap://ldap.example.org"', ''),
    ldap('["ldaps://ldap.example.org", "ldapi:///run/ldapi", "ldap://[::1]"]'),
    redis('url = "rediss://redis.example.org"'),
    redis('url = "unix:///run/redis.sock"'),
    redis('url = "redis://redis.example.org"', `${PASSWORD}\ntls = {}`),
    http('https://panel.example.org'),
    http('http://127.0.0.1:8080'),
    http('http+unix://%2Frun%2Fpanel.sock'),
    http('http://panel.example.org', 'headers = { "x-client" = "smmap" }'),
  ])('is never sent without encryption by %j', (text) => {
    expect(sentInClear(storeOf(text))).toBeNull();
  });
});
