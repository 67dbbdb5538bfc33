import type { Parts } from '../config/load.ts';
import { pathOf } from '../store/driver/embedded/keys.ts';
import { DRIVERS, localStore } from '../store/drivers.ts';

/** The folders of the embedded stores. Null if a store that cannot be read may be one too. */
export function certainStores({ stores, unread }: Parts): string[] | null {
  const { driver: own } = localStore('');
  const isOther = (driver: unknown): boolean =>
    typeof driver === 'string' && Object.hasOwn(DRIVERS, driver) && driver !== own;
  if (!unread.every(isOther) || stores.size + unread.length === 0) return null;
  return [...stores.values()].map(pathOf).filter((path) => path !== null);
}
