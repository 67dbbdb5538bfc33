import { sentInClear } from '../config/clear.ts';
import type { Config } from '../config/config.ts';
import { loadConfig, type Places } from '../config/load.ts';
import { stepOptionsOf, optionsOf, questionsOf } from '../map/kinds.ts';
import { mailbox } from '../map/mailbox.ts';
import { VIRTUSER } from '../mta/sendmail.ts';
import { FRAMINGS } from '../protocol/framing.ts';
import { MTA_PATIENCE_MS, latestAnswerMs, longestDeadlineMs } from '../socket/patience.ts';
import type { StoreConfig } from '../store/driver.ts';
import { canAnswer, driverOf, lackOfCanary } from '../store/drivers.ts';
import { loadDriver } from '../store/open.ts';
import { CliError, EXIT } from './error.ts';
import { warn } from './records/access.ts';

/**
 * Checks a configuration, and what is in its stores, and warns of what is right but may do harm. Throws ConfigError with every
 * mistake, MissingPackageError, and CliError with everything in the stores by which a map is TEMP for ever.
 */
export async function check(file: string | null, places: Places): Promise<void> {
  const config = loadConfig(file, places);
  const name = file ?? 'the defaults';
  for (const store of config.stores.values()) await loadDriver(driverOf(store));
  for (const [store, kinds] of unguarded(config)) {
    const remedy = `canary = { ${kinds.map((kind) => `${kind} = ...`).join(', ')} }, see docs/stores/README.md`;
    warn(
      `${name}: store ${store}: what is emptied by mistake, or hidden from us, would refuse all its mail; give it ${remedy}`,
    );
  }
  checkSecrets(config, name);
  checkDeadline(config, name);
  checkReplies(config, name);
  const { findGaps } = await import('./contents.ts');
  const faults = await findGaps(config, name);
  const followed = [...config.maps].filter(([, map]) => stepOptionsOf(map) !== null);
  if (followed.length > 0) {
    const { findLoops } = await import('./loops.ts');
    faults.push(...(await findLoops(config.stores, new Map(followed), name)));
  }
  if (faults.length > 0) throw new CliError(EXIT.DATA, faults.join('\n'));
  process.stdout.write(`${name}: right (${countsOf(config)})\n`);
}

/** A password that goes over a network in clear belongs to everybody on the way, and so does the mail of who can answer for the store. */
function checkSecrets({ stores }: Config, name: string): void {
  for (const [store, config] of stores) {
    const clear = sentInClear(config);
    if (clear === null) continue;
    warn(
      `${name}: store ${store}: sends its password or token to ${clear.hosts.join(', ')} without TLS, so that others on the network may ` +
        `read it, and answer for the store; use ${clear.remedy}`,
    );
  }
}

/** A late answer is taken for the answer to the next question. */
function checkDeadline({ limits, listeners }: Config, name: string): void {
  const { deadlineMs } = limits;
  const impatient = [...listeners.values()].some(({ protocol }) => !FRAMINGS[protocol].patient);
  if (impatient && latestAnswerMs(deadlineMs) >= MTA_PATIENCE_MS) {
    warn(
      `${name}: limits.deadline_ms: is ${deadlineMs}, so an answer may come ${latestAnswerMs(deadlineMs)} ms after its question, but a mail ` +
        `server may wait for ${MTA_PATIENCE_MS} ms only, as Exim does where it is not told otherwise, and would take the answer for that to ` +
        `its next question; give ${longestDeadlineMs()} or less, or see that each mail server waits longer (smmap mta prints how)`,
    );
  }
}

/**
 * A text says where a mailbox is, and with `aliases` it is said of aliases too, which have none. For Sendmail's virtusertable
 * that sends their mail astray; other maps may be asked for mailboxes alone.
 */
function checkReplies({ maps }: Config, file: string): void {
  for (const [name, map] of maps) {
    const options = optionsOf(map, mailbox);
    if (options === null || !options.aliases || typeof options.reply === 'string') continue;
    const text = `${file}: map ${name}: with aliases = true it answers { text = ... } for aliases too, and sends their mail to mailboxes that are not there`;
    const remedy = 'set aliases = false, and let a map of kind "alias" answer them';
    if (name === VIRTUSER) throw new CliError(EXIT.CONFIG, `${text}; ${remedy}`);
    warn(`${text}, unless the mail server asks it for mailboxes only; else ${remedy}`);
  }
}

/** The kinds of canary that each store lacks, of those that its maps could do with. */
function unguarded({ maps, stores }: Config): ReadonlyMap<string, readonly string[]> {
  const lacking = new Map<string, string[]>();
  for (const map of maps.values()) {
    for (const question of questionsOf(map)) {
      const kind = question.about === 'key' ? `tables.${question.table}` : question.about;
      for (const store of map.stores) {
        const config = stores.get(store) as StoreConfig;
        if (!canAnswer(config, question) || lackOfCanary(config, question) === 'not needed') continue;
        const kinds = lacking.get(store) ?? [];
        if (!kinds.includes(kind)) lacking.set(store, [...kinds, kind]);
      }
    }
  }
  return lacking;
}

function countsOf({ listeners, stores, maps }: Config): string {
  return [count(listeners.size, 'listener'), count(stores.size, 'store'), count(maps.size, 'map')].join(', ');
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
