import type { Advice, Failure } from '../../driver.ts';
import type { SqlConfig } from '../sql/server.ts';
import { parseUrl } from './statement.ts';

const ACCOUNT = /'([^']*)'@'([^']*)'/;

/** What to do about an error of MySQL or MariaDB, by its number. */
export function advice({ url, passwordFile }: SqlConfig, { code, message }: Failure): Advice | null {
  const address = parseUrl(url[0] as string);
  if ('flaw' in address) return null;
  const { database } = address;
  const [account = ''] = ACCOUNT.exec(message) ?? [];
  switch (code) {
    case '1142':
    case '1143': {
      const [, table = '', qualified] = /table [`']([^`']+)[`'](?:\.`([^`]+)`)?/.exec(message) ?? [];
      const name = qualified === undefined ? `${database}.${table}` : `${table}.${qualified}`;
      return { remedy: 'grant the right, as root', commands: [`GRANT SELECT ON ${name} TO ${account};`] };
    }
    case '1044':
      return { remedy: 'grant the right, as root', commands: [`GRANT SELECT ON ${database}.* TO ${account};`] };
    case '1045': {
      const remedy = `correct the password in ${passwordFile ?? 'password_file'}, or change it in the database, as root`;
      return { remedy, commands: [`ALTER USER ${account} IDENTIFIED BY 'PASSWORD';`] };
    }
    case '1049':
      return { remedy: 'correct the database in url, or make it', commands: [`CREATE DATABASE ${database};`] };
    case '1054':
      return { remedy: 'correct the query; if it is from schema, the database has another version', commands: [] };
    case '1146':
      return { remedy: 'correct the query, the schema, or the database in url', commands: [] };
    default:
      return null;
  }
}
