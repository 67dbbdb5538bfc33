import type { Config, MapConfig } from '../config/config.ts';
import { UncertainError } from '../map/map.ts';
import { CanaryError } from '../store/guard/canary.ts';
import { EmptyStoreError, StoreError } from '../store/store.ts';
import type { Step } from '../trace.ts';
import type { Reply } from '../vocabulary.ts';

/** What is known of a request that was explained. */
export interface Explained {
  /** The name that the client gives. */
  readonly name: string;
  readonly key: string;
  /** Null if there is no such map. */
  readonly map: MapConfig | null;
  readonly config: Pick<Config, 'stores' | 'maps'>;
  readonly reply: Reply;
  readonly cause: unknown;
  readonly steps: readonly Step[];
  /** Settings with which the reply would be OK. */
  readonly otherwise: readonly { readonly setting: string; readonly steps: readonly Step[] }[];
}

/** What the administrator can do if the reply is not the right one. */
export function hintsFor(explained: Explained): readonly string[] {
  const { name, map, config, steps, reply, cause } = explained;
  if (map === null) {
    const names = [...config.maps.keys()].join(', ');
    return [
      `the maps are ${names}: give one of these names to the mail server, or add [map.${name}] to the configuration`,
    ];
  }
  const section = sectionOf(name, config);
  if (notesOf(steps, 'domain').some((text) => text.endsWith('default_domain is not set'))) {
    return [`add default_domain = "YOUR DOMAIN" to ${section}, or let the mail server ask for user@domain`];
  }
  if (cause !== null) return [hintForFailure(cause)];
  if (reply.kind === 'OK') return [];
  if (reply.kind === 'NOTFOUND' || reply.kind === 'PERM') return hintsForRefusal(explained, map);
  if (notesOf(steps, 'mailbox').length > 0) {
    return [`${statesOf(steps)} of ${section} decides this: change the state in the store, or this setting`];
  }
  return ['the reply does not fit into what the mail server accepts (limits.reply_bytes): make the value shorter'];
}

/** The section of a map in the configuration. */
function sectionOf(name: string, { maps }: Explained['config']): string {
  return maps.has(name) ? `[map.${name}]` : '[map."*"]';
}

function hintForFailure(cause: unknown): string {
  if (cause instanceof UncertainError) return 'correct what the cause names; docs/errors.md has more about this text';
  if (cause instanceof EmptyStoreError)
    return 'add the records; smmap ... import --allow-empty says that there are none';
  if (cause instanceof CanaryError) {
    return 'the store was emptied, asks in the wrong place, or may not read all: check its data and its permissions; smmap trusts it again by itself (canary_recovered)';
  }
  if (cause instanceof StoreError) {
    return 'start or repair the store; smmap asks it again by itself, smmap stores shows its state, and the log has the first failure (store_unavailable)';
  }
  return 'look for the cause in docs/errors.md; if it is not there, this is a bug: please report it';
}

function hintsForRefusal(explained: Explained, map: MapConfig): readonly string[] {
  const { name, key, config, steps, otherwise } = explained;
  const section = sectionOf(name, config);
  const isEmbedded = map.stores.some((each) => config.stores.get(each)?.driver === 'embedded');
  const word = shellWord(key);
  const hints: string[] = [];
  if (isCached(steps)) hints.push(`this comes from the cache; if the store has changed: smmap cache forget ${word}`);
  if (notesOf(steps, 'mailbox').length > 0) {
    const remedy = isEmbedded ? `smmap mailbox add --state active ${word}` : 'change its state in the store';
    hints.push(`${statesOf(steps)} of ${section} decides this: ${remedy}, or change the setting`);
  }
  hints.push(...otherwise.map((other) => hintForSetting(other, section, map, config)));
  if (hints.length > 0) return hints;
  if (notesOf(steps, 'address').some((text) => text.startsWith('the key cannot be'))) {
    return [`${section} knows only addresses: docs/mta.md says which map the mail server should ask for this`];
  }
  const noun = map.kind === 'table' ? 'key' : map.kind;
  const remedy = isEmbedded ? `smmap ${map.kind} add ${argumentsOf(map, word)}` : 'add it to the store';
  const next =
    map.kind === 'alias'
      ? '; this alone refuses no mail: the mail server asks for a mailbox next (smmap explain it)'
      : '';
  return [`no store of ${section} has this ${noun}; if it should exist: ${remedy}${next}`];
}

function argumentsOf({ kind, options }: MapConfig, word: string): string {
  if (kind === 'table') return `${(options as { table: string }).table} ${word} VALUE`;
  return kind === 'alias' ? `${word} TARGET` : word;
}

/** Another map may answer what this one does not: Postfix asks for aliases in a map of their own. */
function hintForSetting(
  { setting, steps }: Explained['otherwise'][number],
  section: string,
  { kind }: MapConfig,
  { maps }: Explained['config'],
): string {
  if (kind === 'domain') return `the domain is hosted, but it has another class: ask the map of its class`;
  if (setting !== ALIASES) return `with ${setting} in ${section} the reply would be OK`;
  const others = [...maps].filter(([, other]) => other.kind === 'alias').map(([name]) => `[map.${name}]`);
  const ask =
    others.length === 0 ? '' : `let the mail server ask ${others.join(' or ')} first (smmap mta prints how), or `;
  const isCaught = notesOf(steps, 'catch-all').some((text) => text.startsWith('takes'));
  const what = isCaught ? 'a catch-all takes it' : 'it is an alias';
  return `aliases = false, but ${what}: ${ask}set ${ALIASES} in ${section}`;
}

const ALIASES = 'aliases = true';

/** Whether an absence came from the cache. */
function isCached(steps: readonly Step[]): boolean {
  return steps.some(
    ({ outcome, steps: inner }) =>
      outcome?.includes('absent') === true && notesOf(inner, 'cache').some((text) => text.includes('from the cache')),
  );
}

/** `states.disabled` or `states.overquota`. */
function statesOf(steps: readonly Step[]): string {
  return /states\.\w+/.exec(notesOf(steps, 'mailbox').join())?.[0] ?? 'states';
}

function notesOf(steps: readonly Step[], about: Step['about']): readonly string[] {
  return steps.filter((step) => step.about === about).map(({ text }) => text);
}

/** A text as one word of a shell. */
function shellWord(text: string): string {
  return /^[\w@.+=:,/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
