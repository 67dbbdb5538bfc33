import { http } from './driver/http.ts';
import { ldap } from './driver/ldap.ts';
import { embedded, memory } from './driver/local.ts';
import { redis } from './driver/redis.ts';
import { mysql, postgresql, sqlite } from './driver/sql.ts';

/** One `[store.NAME]`, by its driver. */
export const drivers = { embedded, memory, postgresql, mysql, sqlite, ldap, redis, http };
