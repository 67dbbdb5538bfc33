import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { askOnce } from './client.ts';
import { makeFolder, serve } from './daemon.ts';

test('smmap replies TEMP to an unknown class of a domain, and logs its name', async () => {
  const folder = await makeFolder();
  const db = new Database(join(folder, 'mail.db'));
  db.exec(`create table domain (domain text primary key, class text);
    insert into domain values ('a.example', 'virtual'), ('b.example', 'Mailbox'), ('c.example', 'RELAY'), ('d.example', '')`);
  db.close();
  const daemon = await serve({
    folder,
    config: `
      listen.mta.path = "${join(folder, 's')}"
      [store.sql]
      driver = "sqlite"
      path = "${join(folder, 'mail.db')}"
      domain = "select class as value from domain where domain = :domain"
      [map.hosted]
      kind = "domain"
      class = "mailbox"
      [map.any]
      kind = "domain"
    `,
  });
  const ask = (map: string): Promise<string[]> =>
    Promise.all(['a', 'b', 'c', 'd', 'e'].map((name) => askOnce(daemon.socket, map, `${name}.example`)));
  expect(await ask('hosted')).toEqual(['TEMP lookup failed', 'OK b.example', 'NOTFOUND ', 'OK d.example', 'NOTFOUND ']);
  expect(await ask('any')).toEqual(['OK a.example', 'OK b.example', 'OK c.example', 'OK d.example', 'NOTFOUND ']);
  const { cause, level } = await daemon.logged('deferred');
  expect([level, cause]).toEqual([
    'warn',
    'the domain a.example has the unknown class "virtual": change it in the store to one of mailbox, alias, relay',
  ]);
});
