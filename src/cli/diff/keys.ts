import { CONTROL, foldLocal } from '../../address/address.ts';
import type { Config, MapConfig } from '../../config/config.ts';
import { questionsOf } from '../../map/kinds.ts';
import type { Alias } from '../../record/alias.ts';
import { formatOwner } from '../../record/owner.ts';
import { nameOf } from '../../record/record.ts';
import type { StoreConfig } from '../../store/driver.ts';
import { driverOf } from '../../store/drivers.ts';
import { type Store, StoreError } from '../../store/store.ts';
import { NOBODY } from '../../vocabulary.ts';
import { CliError, EXIT } from '../error.ts';
import { openSource } from '../records/source.ts';
import type { StoreSide } from './side.ts';

/** The keys to ask for. */
export interface Keys {
  /** Where they come from, for messages. */
  readonly name: string;
  /** In bytes, 0 if unknown. */
  readonly size: number;
  /** How many bytes of them were read. */
  read(): number;
  all(): Iterable<string> | AsyncIterable<string>;
  close(): void;
}

/** The lines of a file, or of standard input for `-`. Empty lines and comments do not count. Throws CliError. */
export function keysOfList(file: string): Keys {
  const source = openSource(file);
  let bytes = 0;
  return {
    name: source.name,
    size: source.size,
    read: () => bytes,
    *all() {
      for (const { text, number, isUtf8, bytesRead } of source.lines()) {
        bytes = bytesRead;
        const key = text.trim();
        if (key === '' || key.startsWith('#')) continue;
        const refuse = (flaw: string): CliError => new CliError(EXIT.DATA, `${source.name}:${number}: ${flaw}`);
        if (!isUtf8) throw refuse('is not UTF-8');
        // It would be absent on both sides, and so the same.
        if (CONTROL.test(key)) throw refuse('has a tab or another control character; give one address on each line');
        yield key;
      }
    },
    close: () => source.close(),
  };
}

/** The names of all records of a store that a map asks for, each once. Throws CliError if smmap cannot list them. */
export function keysOfStore({ name, store }: StoreSide, map: MapConfig, stores: Config['stores']): Keys {
  const config = stores.get(name) as StoreConfig;
  const { records } = driverOf(config);
  const refuse = (why: string): CliError =>
    new CliError(EXIT.USAGE, `store ${name}: ${why}; name a file with addresses, or - for standard input`);
  if (records === undefined) throw refuse(`smmap cannot list the records of ${config.driver}`);
  if (map.kind === 'domain') throw refuse('its domains are not listed');
  const lack = records.missing(config);
  if (lack !== null) throw new CliError(EXIT.DATA, `store ${name}: ${lack}`);
  const asked = new Map(questionsOf(map).map((question) => [question.about, question]));
  if (map.kind === 'alias') asked.delete('mailbox'); // it asks for mailboxes only beside an alias
  return {
    name,
    size: 0,
    read: () => 0,
    async *all() {
      try {
        for (const [about, question] of asked) {
          if (about === 'domain') continue;
          const table = question.about === 'key' ? question.table : '';
          for await (const record of records.all(config, about, table)) {
            if (record.about === 'mailbox' && record.local === NOBODY) continue; // shared folders, and no address
            if (record.about === 'alias' && asked.has('mailbox') && (await hasMailbox(store, record))) continue;
            yield nameOf(record);
          }
        }
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        throw new CliError(EXIT.UNAVAILABLE, `store ${name}: ${error.message}`);
      }
    },
    close() {},
  };
}

/** Whether the address of an alias was listed before, as a mailbox. If the store fails, the address is asked. */
async function hasMailbox(store: Store, { local, domain }: Alias): Promise<boolean> {
  const name = { local: foldLocal(local), domain, exact: false };
  try {
    return (await store.lookup({ about: 'mailbox', ...name, folder: null, anyCase: false })) !== null;
  } catch {
    return false;
  }
}

const ANYBODY = 'anybody'; // stands for all addresses that a line for a whole domain takes

/** What to ask for a key: nobody has the address `@example.org`, so another one of the domain is asked. */
export function askedFor(key: string, { kind }: MapConfig): string {
  const isWhole = (kind === 'mailbox' || kind === 'alias') && key.length > 1 && key.lastIndexOf('@') === 0;
  return isWhole ? formatOwner(ANYBODY, key.slice(1)) : key;
}
