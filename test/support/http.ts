import { createHttp, type HttpOptions } from '../../src/store/driver/http/driver.ts';
import { http } from '../../src/store/driver/http/keys.ts';
import type { Bulk } from '../../src/store/store.ts';

/** The driver of an HTTP store with these keys, without its guards. `more`: options that are not read from files. */
export function httpWith(keys: object, more: Partial<HttpOptions> = {}): Bulk {
  return createHttp({ ...http.keys.parse({ driver: 'http', ...keys }), secrets: {}, ...more });
}
