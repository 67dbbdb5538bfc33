import { type Config, ConfigError } from '../config/config.ts';
import type { Places } from '../config/load.ts';
import { stepOptionsOf } from '../map/kinds.ts';
import { driverOf } from '../store/drivers.ts';
import { loadDriver } from '../store/open.ts';
import { MissingPackageError } from '../store/store.ts';
import { ownAccount } from './account.ts';
import type { Configuration } from './configuration.ts';
import { checkFiles, type Viewer } from './check/files.ts';
import { checkSettings } from './check/settings.ts';
import { EXIT } from './error.ts';
import { exitCodeOf, type Finding, mistake, printFindings } from './finding.ts';
import { findService } from './service.ts';

export interface CheckOptions {
  readonly json: boolean;
}

/**
 * Checks a configuration, the files that it names, and the contents of its embedded stores, and prints what is wrong, with a
 * warning of valid settings that may do harm. Resolves to the exit code.
 */
export async function check(configuration: Configuration, { json }: CheckOptions): Promise<number> {
  const { file, name, places } = configuration;
  const loaded = load(configuration);
  const config = loaded instanceof ConfigError ? null : loaded;
  const findings =
    loaded instanceof ConfigError
      ? loaded.mistakes.map(({ key, line, ...told }) => mistake(EXIT.CONFIG, { where: key, line, ...told }))
      : await examine(loaded, places);
  const counts = config === null ? '' : countsOf(config);
  const clean = `${name}: no mistakes (${counts})`;
  printFindings(findings, { json, before: name, clean, facts: { config: file } });
  return exitCodeOf(findings);
}

function load(configuration: Configuration): Config | ConfigError {
  try {
    return configuration.load();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}

async function examine(config: Config, places: Places): Promise<readonly Finding[]> {
  const packages = await checkPackages(config);
  const findings = [...packages, ...checkSettings(config), ...checkFiles(config, places, viewerOf())];
  if (packages.length > 0) return findings;
  const { findGaps } = await import('./contents.ts');
  findings.push(...(await findGaps(config)));
  const followed = [...config.maps].filter(([, map]) => stepOptionsOf(map) !== null);
  if (followed.length > 0) {
    const { findLoops } = await import('./loops.ts');
    findings.push(...(await findLoops(config.stores, new Map(followed))));
  }
  return findings;
}

/** Root looks with the rights of the service's user, others with their own. */
function viewerOf(): Viewer {
  const own = ownAccount();
  const service = own.uid === 0 ? findService().account : null;
  return { account: service ?? own, isService: service !== null };
}

async function checkPackages({ stores }: Config): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [name, store] of stores) {
    try {
      await loadDriver(driverOf(store));
    } catch (error) {
      if (!(error instanceof MissingPackageError)) throw error;
      const [reason = '', remedy = ''] = error.message.split(/: (?=npm )/, 2);
      findings.push(mistake(EXIT.CONFIG, { where: `store ${name}`, reason, remedy }));
    }
  }
  return findings;
}

function countsOf({ listeners, stores, maps }: Config): string {
  return [count(listeners.size, 'listener'), count(stores.size, 'store'), count(maps.size, 'map')].join(', ');
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
