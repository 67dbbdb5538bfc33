import { writeFile } from 'node:fs/promises';
import { findPostgresql } from '../../test/support/postgresql.ts';
import { startRelay } from '../relay.ts';
import { type StoreTarget, emptyFault, lockFault, passwordFault, processFaults, wayFaults } from '../target.ts';
import { type Open, QUERY, quoted } from './open.ts';

const PASSWORD = 'reader-secret';

/** PostgreSQL over TLS, with a password. */
export const openPostgresql: Open = async ({ parts, folder, name }) => {
  const found = findPostgresql(parts);
  if ('missing' in found) return found;
  const server = await found.start({ tcp: true });
  const relay = await startRelay(server.port);
  const [password, authority] = [`${folder}/${name}.password`, `${folder}/${name}.pem`];
  await writeFile(password, PASSWORD);
  await writeFile(authority, server.ca);
  await server.sql(
    `create table mailboxes (address text primary key); create role smmap login password '${PASSWORD}'; ` +
      'grant select on mailboxes to smmap',
  );
  const run = async (text: string): Promise<void> => void (await server.sql(text));
  const target: StoreTarget = {
    name,
    cached: true,
    okMs: 0,
    restMs: [50, 500],
    lines: [
      'driver = "postgresql"',
      `url = "postgresql://smmap@localhost:${relay.port}/postgres"`,
      `tls = { ca = "${authority}" }`,
      `password_file = "${password}"`,
      QUERY,
    ],
    // Texts of several statements are one transaction.
    put: (added, removed) =>
      run(
        added.map((each) => `insert into mailboxes values (${quoted(each)}) on conflict do nothing;`).join('') +
          removed.map((each) => `delete from mailboxes where address = ${quoted(each)};`).join(''),
      ),
    faults: {
      ...processFaults({ ...server, kill: () => server.kill(), restart: () => server.restart() }),
      ...wayFaults(relay),
      ...passwordFault(password, PASSWORD, relay),
      ...emptyFault(
        () => run('create table saved as select * from mailboxes; delete from mailboxes'),
        () => run('insert into mailboxes select * from saved; drop table saved'),
      ),
      ...lockFault((seconds) =>
        run(`begin; lock table mailboxes in access exclusive mode; select pg_sleep(${seconds}); commit`),
      ),
    },
    async stop() {
      relay.stop();
      await server.stop();
    },
  };
  return target;
};
