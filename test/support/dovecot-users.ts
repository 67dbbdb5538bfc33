// A Dovecot whose users are in SQLite, so that they may have any name.

import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Dovecot, type Installation } from './dovecot.ts';
import { openToWrite } from './sqlite.ts';

export interface UserServer {
  readonly dovecot: Dovecot;
  /** Replaces all users. `full` are over their quota. */
  hold(users: readonly string[], full?: readonly string[]): void;
  stop(): Promise<void>;
}

const SETTINGS = `auth_username_chars =
auth_cache_size = 0
protocol lmtp {
  mail_plugins = quota
  lmtp_rcpt_check_quota = yes
}
`;

export async function startUserServer(installation: Installation, more = ''): Promise<UserServer> {
  const folder = await mkdtemp(join(tmpdir(), 'users-'));
  await chmod(folder, 0o755);
  const file = join(folder, 'users.db');
  const database = openToWrite(file);
  database.exec('create table users (name text primary key, home text, rule text)');
  const query = "select 1 as uid, 1 as gid, home, rule as quota_rule from users where name = '%u'";
  const dovecot = await installation.start({
    sql: { driver: 'sqlite', connect: file, query },
    settings: SETTINGS + more,
  });
  const mail = join(dirname(dovecot.passwdFile), 'mail');
  await dovecot.write([{ name: 'full', storedBytes: 5_000 }]);
  return {
    dovecot,
    hold(users, full = []) {
      database.exec('begin');
      database.exec('delete from users');
      for (const name of users)
        database.run('insert into users values (?, ?, ?)', name, join(mail, 'empty'), '*:bytes=0');
      for (const name of full)
        database.run('insert into users values (?, ?, ?)', name, join(mail, 'full'), '*:bytes=1000');
      database.exec('commit');
    },
    async stop() {
      database.close();
      await dovecot.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
