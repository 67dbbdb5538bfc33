import { sentInClear } from '../../config/clear.ts';
import type { Config } from '../../config/config.ts';
import { doubleOf, listenersOf } from '../../daemon/listeners.ts';
import { ACCEPT } from '../../map/kind.ts';
import { optionsOf, questionsOf } from '../../map/kinds.ts';
import { mailbox } from '../../map/mailbox.ts';
import { VIRTUSER } from '../../mta/sendmail.ts';
import { FRAMINGS } from '../../protocol/framing.ts';
import { LINE_PATIENCE_MS, MTA_PATIENCE_MS, latestAnswerMs, longestDeadlineMs } from '../../socket/patience.ts';
import type { StoreConfig } from '../../store/driver.ts';
import { canAnswer, lackOfCanary } from '../../store/drivers.ts';
import { EXIT } from '../error.ts';
import { type Finding, mistake, warning } from '../finding.ts';

/** Valid settings that may do harm, and settings that contradict each other. */
export function checkSettings(config: Config): Finding[] {
  return [
    ...checkCanaries(config),
    ...checkSecrets(config),
    ...checkDeadline(config),
    ...checkReplies(config),
    ...checkListeners(config),
    ...checkShadows(config),
  ];
}

function checkCanaries(config: Config): Finding[] {
  return [...unguarded(config)].map(([store, kinds]) =>
    warning({
      where: `store ${store}`,
      reason: 'if it is emptied by mistake, or we may not read it, all its mail is refused',
      remedy: `add canary = { ${kinds.map((kind) => `${kind} = ...`).join(', ')} }, see docs/stores/README.md`,
    }),
  );
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

/** Anybody on the network can read a password that is sent in clear, and can answer in place of the store. */
function checkSecrets({ stores }: Config): Finding[] {
  return [...stores].flatMap(([store, config]) => {
    const clear = sentInClear(config);
    if (clear === null) return [];
    const reason =
      `its password or token goes to ${clear.hosts.join(', ')} without TLS, so others on the network may read it, ` +
      'and answer in place of the store';
    return [warning({ where: `store ${store}`, reason, remedy: `use ${clear.remedy}` })];
  });
}

/** A mail server takes a late reply for the reply to its next request. */
function checkDeadline({ limits, listeners }: Config): Finding[] {
  const { deadlineMs } = limits;
  const latest = latestAnswerMs(deadlineMs);
  const where = 'limits.deadline_ms';
  const findings: Finding[] = [];
  const patient = new Set([...listeners.values()].map(({ protocol }) => FRAMINGS[protocol].patient));
  if (patient.has(false) && latest >= MTA_PATIENCE_MS) {
    const reason =
      `is ${deadlineMs}, so a reply may come ${latest} ms after its request, but a mail ` +
      `server may wait only ${MTA_PATIENCE_MS} ms (the default of Exim), and take the late reply for the reply to its next request`;
    const remedy = `give ${longestDeadlineMs()} or less, or make each mail server wait longer (smmap mta prints how)`;
    findings.push(warning({ where, reason, remedy }));
  }
  if (patient.has(true) && latest >= LINE_PATIENCE_MS) {
    const reason =
      `is ${deadlineMs}, but OpenSMTPD asks several times for each recipient and answers nobody meanwhile, and an SMTP client ` +
      'that waits over 5 minutes gives up (RFC 5321)';
    findings.push(warning({ where, reason, remedy: `give ${longestDeadlineMs(LINE_PATIENCE_MS)} or less` }));
  }
  return findings;
}

/**
 * A text says where a mailbox is. With `aliases`, aliases get the same text, though they have no mailbox. In Sendmail's
 * virtusertable this sends their mail to wrong places. Other maps may be asked only for mailboxes.
 */
function checkReplies({ maps }: Config): Finding[] {
  return [...maps].flatMap(([name, map]) => {
    const options = optionsOf(map, mailbox);
    if (options === null || !options.aliases || typeof options.reply === 'string') return [];
    const text =
      'with aliases = true it replies { text = ... } for aliases too, and sends their mail to mailboxes that do not exist';
    const where = `map ${name}`;
    const remedy = 'set aliases = false, and add a map of kind "alias" for them';
    if (name === VIRTUSER) return [mistake(EXIT.CONFIG, { where, reason: text, remedy })];
    const reason = `${text}, unless the mail server asks it only for mailboxes`;
    return [warning({ where, reason, remedy: `otherwise ${remedy}` })];
  });
}

function checkListeners(config: Config): Finding[] {
  const double = doubleOf(listenersOf(config));
  if (double === null) return [];
  const [one, other, where] = double;
  const reason = `listens on ${where}, and so does ${one}`;
  return [
    mistake(EXIT.CONFIG, {
      where: config.listeners.has(other) ? `listen.${other}` : other,
      reason,
      remedy: 'remove one of them',
    }),
  ];
}

/** A map in shadow protects nobody. Somebody may have forgotten it. */
function checkShadows({ maps }: Config): Finding[] {
  return [...maps].flatMap(([name, { shadow }]) => {
    if (shadow === undefined) return [];
    const reason =
      shadow === ACCEPT
        ? 'is "accept", so this map refuses nobody and defers nobody'
        : `is "${shadow}", so this map is only compared, and [map.${shadow}] replies`;
    const remedy = 'look at what it would do (smmap shadow report), then remove the key and reload';
    return [warning({ where: `map.${name}.shadow`, reason, remedy })];
  });
}
