import { http } from '../store/driver/http/keys.ts';
import { ldap } from '../store/driver/ldap/keys.ts';
import { embedded, memory } from '../store/driver/memory/keys.ts';
import { redis } from '../store/driver/redis/keys.ts';
import { mysql, postgresql, sqlite } from '../store/driver/sql/keys.ts';

/** One `[store.NAME]`, by its driver. */
export const drivers = { embedded, memory, postgresql, mysql, sqlite, ldap, redis, http };
