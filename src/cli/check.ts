import { spawnSync } from 'node:child_process';
import { type Account, ownAccount } from '../account.ts';
import { type Config, ConfigError } from '../config/config.ts';
import type { Places } from '../config/load.ts';
import { loadWriter } from '../daemon/metrics/text.ts';
import { stepOptionsOf } from '../map/kinds.ts';
import { descriptorLimit } from '../socket/descriptors.ts';
import { driverOf } from '../store/drivers.ts';
import { loadDriver } from '../store/open.ts';
import { MissingPackageError } from '../store/store.ts';
import { checkFiles, type Viewer } from './check/files.ts';
import { checkSettings } from './check/settings.ts';
import type { Configuration } from './configuration.ts';
import { CliError, EXIT } from './error.ts';
import { exitCodeOf, type Finding, mistake, printFindings, warning } from './finding.ts';
import { barriersFor, commandAs } from './rights.ts';
import { findService } from './service.ts';
import { accountOf } from './system.ts';

export interface CheckOptions {
  readonly json: boolean;
  /** Whether to connect to the stores, as the user of the service. */
  readonly stores: boolean;
  /** The user of the service. Null: that of smmap.service, or the user smmap. */
  readonly user: string | null;
}

/**
 * Checks a configuration, the files that it names, and the contents of its embedded stores, and prints what is wrong, with a
 * warning of valid settings that may do harm. With `stores` it also asks the stores. For that, root runs the same command as
 * the user of the service: only so we see what the daemon will see. Resolves to the exit code.
 */
export async function check(configuration: Configuration, options: CheckOptions): Promise<number> {
  const { file, name, places } = configuration;
  const { json, stores } = options;
  const daemon = daemonOf(options);
  if (stores && daemon.isService && daemon.account.uid !== process.getuid?.()) return runAgainAs(daemon.account);
  const loaded = await load(configuration);
  const config = loaded instanceof ConfigError ? null : loaded;
  const findings =
    loaded instanceof ConfigError
      ? loaded.mistakes.map(({ key, line, ...told }) => mistake(EXIT.CONFIG, { where: key, line, ...told }))
      : [...daemon.doubts, ...(await examine(loaded, places, daemon, stores))];
  const counts = config === null ? '' : countsOf(config);
  const clean = `${name}: no mistakes (${counts})`;
  printFindings(findings, { json, before: name, clean, facts: { config: file } });
  return exitCodeOf(findings);
}

function runAgainAs(account: Account): number {
  const [node, main, ...args] = process.argv as [string, string, ...string[]];
  const [barrier] = barriersFor(account, [[main, 'read']]);
  if (barrier) {
    throw new CliError(
      EXIT.USAGE,
      `the user ${account.name} cannot read ${main}, because ${barrier.at} is ${barrier.why}: install smmap for all users, as docs/install.md says`,
    );
  }
  const again = [node, main, ...args, `--user=${account.name}`];
  const { status, error } = spawnSync(...commandAs(account, again), { stdio: 'inherit' });
  if (error !== undefined) throw new CliError(EXIT.UNAVAILABLE, `cannot run as ${account.name}: ${error.message}`);
  return status ?? EXIT.BUG;
}

async function load(configuration: Configuration): Promise<Config | ConfigError> {
  try {
    return await configuration.load();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}

/** What is wrong with a configuration, its files and its embedded stores; with `stores` also with what the stores answer. */
export async function examine(
  config: Config,
  places: Places,
  daemon: Daemon,
  stores: boolean,
): Promise<readonly Finding[]> {
  const packages = await checkPackages(config);
  const findings = [...packages, ...checkSettings(config), ...checkFiles(config, places, daemon)];
  if (packages.length > 0) return findings;
  const { findGaps } = await import('./contents.ts');
  const { findFolded, findHidden } = await import('./check/domains.ts');
  findings.push(...(await findGaps(config)), ...findFolded(config.maps), ...(await findHidden(config)));
  const followed = [...config.maps].filter(([, map]) => stepOptionsOf(map) !== null);
  if (followed.length > 0) {
    const { findLoops } = await import('./loops.ts');
    findings.push(...(await findLoops(config.stores, new Map(followed))));
  }
  if (!stores) return findings;
  const { checkService } = await import('./check/service.ts');
  const { checkStores } = await import('./check/stores.ts');
  findings.push(...checkService(config, daemon, daemon.files), ...(await checkStores(config)));
  return findings;
}

/** With whose rights to look, and how many files the daemon may open. */
export interface Daemon extends Viewer {
  readonly files: number | null;
  readonly doubts: readonly Finding[];
}

/** Root looks with the rights of the service's user, others with their own. Throws CliError. */
export function daemonOf({ stores, user }: CheckOptions): Daemon {
  const own = ownAccount();
  if (user !== null) {
    const account = accountOf(user);
    if (account === null) throw new CliError(EXIT.USAGE, `--user ${user}: there is no such user`);
    if (own.uid !== 0 && account.uid !== own.uid) {
      throw new CliError(EXIT.USAGE, `--user ${user}: only root can check as another user`);
    }
    return { account, isService: true, files: findService().files ?? descriptorLimit(), doubts: [] };
  }
  if (own.uid !== 0) return { account: own, isService: stores, files: descriptorLimit(), doubts: [] };
  const service = findService();
  const files = service.files ?? descriptorLimit();
  if (service.account !== null) return { account: service.account, isService: true, files, doubts: [] };
  const reason = 'there is no smmap.service and no user smmap, so root checks as root, who may do more than a service';
  const doubts = stores ? [warning({ where: 'user', reason, remedy: 'name the user of the daemon: --user NAME' })] : [];
  return { account: own, isService: false, files, doubts };
}

async function checkPackages({ stores, metrics }: Config): Promise<Finding[]> {
  const findings: Finding[] = [];
  const tryToLoad = async (where: string, loading: () => Promise<unknown>): Promise<void> => {
    try {
      await loading();
    } catch (error) {
      if (!(error instanceof MissingPackageError)) throw error;
      const [, reason = '', remedy = ''] = /^(.*?): (npm .*)$/s.exec(error.message) ?? [];
      findings.push(mistake(EXIT.CONFIG, { where, reason, remedy }));
    }
  };
  for (const [name, store] of stores) await tryToLoad(`store ${name}`, () => loadDriver(driverOf(store)));
  if (metrics !== null) await tryToLoad('metrics', loadWriter);
  return findings;
}

function countsOf({ listeners, stores, maps }: Config): string {
  return [count(listeners.size, 'listener'), count(stores.size, 'store'), count(maps.size, 'map')].join(', ');
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
