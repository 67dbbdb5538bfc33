import { writeFile } from 'node:fs/promises';
import { findMariadb } from '../../test/support/mariadb.ts';
import { startRelay } from '../relay.ts';
import { emptyFault, lockFault, passwordFault, processFaults, wayFaults } from '../target.ts';
import { type Open, QUERY, quoted } from './open.ts';

const PASSWORD = 'reader-secret';

/** MariaDB over TCP, with a password. */
export const openMariadb: Open = async ({ parts, folder, name }) => {
  const found = await findMariadb(parts);
  if ('missing' in found) return found;
  const server = await found.start({ tcp: true });
  const relay = await startRelay(server.port as number);
  const password = `${folder}/${name}.password`;
  await writeFile(password, PASSWORD);
  const run = async (text: string): Promise<void> => void (await server.sql(`use mail; ${text}`));
  await server.sql('create database mail');
  await run(
    `create table mailboxes (address varchar(255) primary key); create table saved (address varchar(255)); ` +
      `create user smmap identified by '${PASSWORD}'; grant select on mail.mailboxes to smmap`,
  );
  return {
    name,
    cached: true,
    okMs: 0,
    restMs: [50, 500],
    lines: [
      'driver = "mysql"',
      `url = "mysql://smmap@127.0.0.1:${relay.port}/mail"`,
      `password_file = "${password}"`,
      QUERY,
    ],
    put: (added, removed) =>
      run(
        `begin; ${added.map((each) => `insert ignore into mailboxes values (${quoted(each)});`).join('')}` +
          `${removed.map((each) => `delete from mailboxes where address = ${quoted(each)};`).join('')} commit`,
      ),
    faults: {
      ...processFaults(server),
      ...wayFaults(relay),
      ...passwordFault(password, PASSWORD, relay),
      ...emptyFault(
        () => run('begin; insert into saved select * from mailboxes; delete from mailboxes; commit'),
        () => run('begin; insert into mailboxes select * from saved; delete from saved; commit'),
      ),
      ...lockFault((seconds) => run(`lock tables mailboxes write; do sleep(${seconds}); unlock tables`)),
    },
    async stop() {
      relay.stop();
      await server.stop();
    },
  };
};
