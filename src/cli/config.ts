import { hideSecrets, tablesInForce } from '../config/force.ts';
import { readConfig } from '../config/load.ts';
import { formatDocument } from '../toml/document.ts';
import type { Configuration } from './configuration.ts';

/** How the configuration in force is printed. */
export interface ConfigOptions {
  /** Only what differs from the defaults. */
  readonly diff: boolean;
  readonly json: boolean;
}

/** Prints the configuration in force, as a TOML file or as JSON. Throws ConfigError with all mistakes. */
export async function printConfig({ file, name, places }: Configuration, { diff, json }: ConfigOptions): Promise<void> {
  const reading = await readConfig(file, places);
  if (reading.error !== null) throw reading.error;
  const whole = tablesInForce(reading.raw, reading.config, places, diff);
  const tables = hideSecrets(whole);
  const note = JSON.stringify(tables) === JSON.stringify(whole) ? '' : '; secrets are replaced by "..."';
  const isEmpty = Object.keys(tables).length === 0;
  const what = isEmpty
    ? 'nothing differs from the defaults'
    : diff
      ? 'what differs from the defaults'
      : 'the configuration in force';
  process.stdout.write(
    json
      ? `${JSON.stringify(tables, null, 2)}\n`
      : `# ${what}: ${name}${note}\n${isEmpty ? '' : '\n'}${formatDocument(tables)}`,
  );
}
