import { userInfo } from 'node:os';
import type { Advice, Failure } from '../../driver.ts';
import type { SqlConfig } from '../sql/server.ts';
import { parseUrl } from './statement.ts';

/** What to do about an error of PostgreSQL, by its SQLSTATE. */
export function advice({ url, passwordFile }: SqlConfig, { code, message }: Failure): Advice | null {
  const address = parseUrl(url[0] as string);
  if ('flaw' in address) return null;
  const user = address.user ?? userInfo().username;
  const database = address.database ?? user;
  const [, relation = ''] = /relation "([^"]+)"/.exec(message) ?? [];
  switch (code) {
    case '42501': {
      const [, kind = '', object = ''] = /permission denied for ([\w -]+) (\S+)$/.exec(message) ?? [];
      if (object === '') {
        return inPsql('row security hides rows from this user, so let it see all of them', [
          `ALTER ROLE ${user} BYPASSRLS;`,
        ]);
      }
      const what = kind === 'schema' ? `USAGE ON SCHEMA ${object}` : `SELECT ON ${object}`;
      const grant = kind === 'database' ? `CONNECT ON DATABASE ${object}` : what;
      return inPsql('grant the right, as the owner', [`GRANT ${grant} TO ${user};`]);
    }
    case '28P01': {
      const file = passwordFile ?? 'password_file';
      return inPsql(`correct the password in ${file}, or change it in the database`, [`\\password ${user}`]);
    }
    case '28000':
      if (/does not exist/.test(message)) return inPsql('make the role', [`CREATE ROLE ${user} LOGIN;`]);
      return {
        remedy: 'allow the connection in pg_hba.conf, and reload PostgreSQL',
        commands: [`host ${database} ${user} samehost scram-sha-256`],
      };
    case '3D000':
      return { remedy: 'correct the database in url, or make it', commands: [`createdb ${database}`] };
    case '42P01':
      return inPsql(
        `correct the query or the schema; or, if ${relation} is in another schema of the database, set the path`,
        [`ALTER ROLE ${user} SET search_path = public, ANOTHER;`],
      );
    case '42703':
      return { remedy: 'correct the query; if it is from schema, the database has another version', commands: [] };
    default:
      return null;
  }
}

function inPsql(remedy: string, commands: readonly string[]): Advice {
  return { remedy: `${remedy}, in psql`, commands };
}
