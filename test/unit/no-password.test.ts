import { expect, it } from 'vitest';
import { ConfigError } from '../../src/config/config.ts';
import { withoutSecrets } from '../../src/toml/secret.ts';
import { parseConfig } from '../support/config.ts';

it.each([
  ['postgresql://fred@db.example.org/mail', 'postgresql://...@db.example.org/mail'],
  ['postgresql://u:sec/ret@h/db', 'postgresql://...@h/db'],
  ['postgresql://u:sec@ret@h/db', 'postgresql://...@h/db'],
  ['mysql://h/db?password=secret&x=1', 'mysql://h/db?password=...'],
  ['host=h user=u password=secret', 'host=h user=u password=...'],
  ["host=h password = 'sec ret'", 'host=h password = ...'],
  ['{"password":"secret"}', '{"password":...'],
  ['["redis://u:sec\\"ret@h/0",5]', '["redis://...@h/0",5]'],
  ['/run/postgresql', '/run/postgresql'],
])('%s is shown as %s', (text, shown) => {
  expect(withoutSecrets(text)).toBe(shown);
});

it.each([
  ['postgresql', 'url = "postgresql://u:sec/ret@h/db"'],
  ['postgresql', 'url = "host=h user=u password=secret"'],
  ['postgresql', 'url = "postgresql://u@h/db?password=sec%2Fret"'],
  ['mysql', 'url = "mysql://u@h/db?password=secret"'],
  ['ldap', 'url = "ldap://u:sec/ret@h/"'],
  ['redis', 'url = "redis://u:sec/ret@h/0"'],
  ['redis', 'url = ["redis://u:secret@h/0", 5]'],
  ['redis', 'url = { password = "secret" }'],
  ['http', 'mailbox = "http://u:secret@h/:address"'],
])('no mistake of a %s store quotes a password: %s', (driver, line) => {
  const places = { socket: '/run/smmap/smmap.sock', store: '/var/lib/smmap' };
  const read = (): unknown => parseConfig(`[store.a]\ndriver = "${driver}"\n${line}\n`, 'test', places);
  expect(read).toThrow(ConfigError);
  try {
    read();
  } catch (error) {
    expect(String(error)).not.toMatch(/sec.{0,3}ret/);
  }
});
