import { sentInClear } from '../config/clear.ts';
import type { Config } from '../config/config.ts';
import { stepOptionsOf, optionsOf, questionsOf } from '../map/kinds.ts';
import { mailbox } from '../map/mailbox.ts';
import { VIRTUSER } from '../mta/sendmail.ts';
import { FRAMINGS } from '../protocol/framing.ts';
import { MTA_PATIENCE_MS, latestAnswerMs, longestDeadlineMs } from '../socket/patience.ts';
import type { StoreConfig } from '../store/driver.ts';
import { canAnswer, driverOf, lackOfCanary } from '../store/drivers.ts';
import { loadDriver } from '../store/open.ts';
import type { Configuration } from './configuration.ts';
import { CliError, EXIT } from './error.ts';
import { warn } from './records/access.ts';

/**
 * Checks a configuration and the contents of its stores, and warns of valid settings that may do harm. Throws ConfigError with
 * every mistake, MissingPackageError, and CliError with every problem in the stores that makes a map reply TEMP for ever.
 */
export async function check(configuration: Configuration): Promise<void> {
  const { name } = configuration;
  const config = configuration.load();
  for (const store of config.stores.values()) await loadDriver(driverOf(store));
  for (const [store, kinds] of unguarded(config)) {
    const remedy = `canary = { ${kinds.map((kind) => `${kind} = ...`).join(', ')} }, see docs/stores/README.md`;
    warn(
      `${name}: store ${store}: if it is emptied by mistake, or we may not read it, all its mail is refused; add ${remedy}`,
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
  process.stdout.write(`${name}: no mistakes (${countsOf(config)})\n`);
}

/** Anybody on the network can read a password that is sent in clear, and can answer in place of the store. */
function checkSecrets({ stores }: Config, name: string): void {
  for (const [store, config] of stores) {
    const clear = sentInClear(config);
    if (clear === null) continue;
    warn(
      `${name}: store ${store}: its password or token goes to ${clear.hosts.join(', ')} without TLS, so others on the network may read it, ` +
        `and answer in place of the store; use ${clear.remedy}`,
    );
  }
}

/** A mail server takes a late reply for the reply to its next request. */
function checkDeadline({ limits, listeners }: Config, name: string): void {
  const { deadlineMs } = limits;
  const impatient = [...listeners.values()].some(({ protocol }) => !FRAMINGS[protocol].patient);
  if (impatient && latestAnswerMs(deadlineMs) >= MTA_PATIENCE_MS) {
    warn(
      `${name}: limits.deadline_ms: is ${deadlineMs}, so a reply may come ${latestAnswerMs(deadlineMs)} ms after its request, but a mail ` +
        `server may wait only ${MTA_PATIENCE_MS} ms (the default of Exim), and take the late reply for the reply to its next request; ` +
        `give ${longestDeadlineMs()} or less, or make each mail server wait longer (smmap mta prints how)`,
    );
  }
}

/**
 * A text says where a mailbox is. With `aliases`, aliases get the same text, though they have no mailbox. In Sendmail's
 * virtusertable this sends their mail to wrong places. Other maps may be asked only for mailboxes.
 */
function checkReplies({ maps }: Config, file: string): void {
  for (const [name, map] of maps) {
    const options = optionsOf(map, mailbox);
    if (options === null || !options.aliases || typeof options.reply === 'string') continue;
    const text = `${file}: map ${name}: with aliases = true it replies { text = ... } for aliases too, and sends their mail to mailboxes that do not exist`;
    const remedy = 'set aliases = false, and add a map of kind "alias" for them';
    if (name === VIRTUSER) throw new CliError(EXIT.CONFIG, `${text}; ${remedy}`);
    warn(`${text}, unless the mail server asks it only for mailboxes; otherwise ${remedy}`);
  }
}

/** The kinds of canary that each store lacks, among those that would protect its maps. */
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
