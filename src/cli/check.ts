import { loadConfig, type Places } from '../config/load.ts';

/** Checks a configuration. Throws ConfigError with every mistake. */
export function check(file: string | null, places: Places): void {
  const config = loadConfig(file, places);
  const counts = [
    count(config.listeners.size, 'listener'),
    count(config.stores.size, 'store'),
    count(config.maps.size, 'map'),
  ];
  process.stdout.write(`${file ?? 'the defaults'}: right (${counts.join(', ')})\n`);
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
