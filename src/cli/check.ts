import type { Config, MapConfig } from '../config/config.ts';
import { loadConfig, type Places } from '../config/load.ts';
import { checkDriver } from '../store/open.ts';
import { CliError, EXIT } from './error.ts';

/**
 * Checks a configuration, and the aliases in its stores. Throws ConfigError with every mistake, MissingPackageError, and
 * CliError with every loop.
 */
export async function check(file: string | null, places: Places): Promise<void> {
  const config = loadConfig(file, places);
  const name = file ?? 'the defaults';
  for (const { driver } of config.stores.values()) await checkDriver(driver);
  const followed = [...config.maps].filter(([, map]) => followsAliases(map));
  if (followed.length > 0) {
    const { findLoops } = await import('./loops.ts');
    const loops = await findLoops(config.stores, new Map(followed), name);
    if (loops.length > 0) throw new CliError(EXIT.DATA, loops.join('\n'));
  }
  process.stdout.write(`${name}: right (${countsOf(config)})\n`);
}

function followsAliases(map: MapConfig): boolean {
  return map.kind === 'alias' || (map.kind === 'mailbox' && map.options.aliases);
}

function countsOf({ listeners, stores, maps }: Config): string {
  return [count(listeners.size, 'listener'), count(stores.size, 'store'), count(maps.size, 'map')].join(', ');
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
