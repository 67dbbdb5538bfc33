import type { QueryName } from '../../asked.ts';
import { dovecot } from './schema/dovecot.ts';
import { iredmail } from './schema/iredmail.ts';
import { mailcow } from './schema/mailcow.ts';
import { modoboa } from './schema/modoboa.ts';
import { postfixadmin } from './schema/postfixadmin.ts';
import { users } from './schema/users.ts';
import { vimbadmin } from './schema/vimbadmin.ts';
import type { Schema } from './schema/words.ts';

/** The mail systems whose databases smmap knows, so you do not have to write queries for them. */
export type SchemaName = 'postfixadmin' | 'mailcow' | 'iredmail' | 'modoboa' | 'vimbadmin' | 'dovecot' | 'users';

/** Whether the other SELECTs of a query find nothing that counts if the first one finds an active row. */
export function firstIsEnough(schema: SchemaName, name: QueryName): boolean {
  return name !== 'alias' || schema === 'postfixadmin'; // its alias domains yield to an alias of their own
}

/** The texts of their queries, for parseQuery. A database on which a mail system does not run is left out. */
export const SCHEMAS: Readonly<Record<SchemaName, Schema>> = {
  postfixadmin,
  mailcow,
  iredmail,
  modoboa,
  vimbadmin,
  dovecot,
  users,
};
