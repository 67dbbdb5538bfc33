import type { Config } from '../../config/config.ts';
import { ALIAS, DOMAIN, FOLDER, MAILBOX } from '../../example.ts';
import type { MapKind } from '../../map/kind.ts';
import { questionsOf, takesEveryDomain, wishesOf } from '../../map/kinds.ts';
import type { Advice, StoreConfig } from '../../store/driver.ts';
import { canAnswer, driverOf } from '../../store/drivers.ts';
import { kindOf } from '../../store/guard/canary.ts';
import { NOBODY_HAS } from '../../store/guard/keys.ts';
import { type BareServer, openBare } from '../../store/open.ts';
import { EmptyStoreError, ReplicaError, toStoreError } from '../../store/store.ts';
import type { Answer, Question } from '../../vocabulary.ts';
import { EXIT } from '../error.ts';
import { type Finding, mistake, warning } from '../finding.ts';

/** Asks each server of each store every kind of question once, and for its canaries. */
export async function checkStores(config: Config): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [name, store] of config.stores) {
    const missing = driverOf(store).records?.missing(store) ?? null;
    if (missing !== null) {
      const told = {
        where: `store ${name}`,
        reason: missing,
        remedy: 'bring it back (is its disk mounted?), or make a new one: smmap store create',
      };
      findings.push(mistake(EXIT.DATA, told));
      continue;
    }
    const remarks = (await driverOf(store).remarks?.(store)) ?? [];
    findings.push(...remarks.map((remark) => warning({ where: `store ${name}`, ...remark })));
    const servers = await openBare(store);
    try {
      for (const server of servers) findings.push(...(await checkServer(config, name, store, server)));
    } finally {
      await Promise.allSettled(servers.map(async (server) => server.store.close()));
    }
  }
  return findings;
}

async function checkServer(
  config: Config,
  storeName: string,
  store: StoreConfig,
  server: BareServer,
): Promise<readonly Finding[]> {
  const where = server.name === null ? `store ${storeName}` : `store ${storeName}, server ${server.name}`;
  const failures = new Map<string, { readonly cause: unknown; readonly nouns: Set<string> }>();
  const findings: Finding[] = [];
  const ask = async (question: Question): Promise<Answer | undefined> => {
    try {
      return await server.store.lookup(question);
    } catch (cause) {
      const causes = causesOf(cause);
      if (causes.some((each) => each instanceof ReplicaError)) return null;
      const isTold = driverOf(store).records !== undefined && causes.some((each) => each instanceof EmptyStoreError);
      if (isTold) return undefined; // findGaps
      const { message } = toStoreError(cause);
      const failure = failures.get(message) ?? { cause, nouns: new Set() };
      failures.set(message, failure);
      failure.nouns.add(nounOf(question));
      return undefined;
    }
  };

  const asking = [...config.maps.values()].filter(({ stores }) => stores.includes(storeName));
  for (const question of questionsFor(asking, store)) {
    const answer = await ask(question);
    if (answer === null || answer === undefined) continue;
    // A user of this name may exist where the domain does not count, as in Cyrus with virtdomains: off.
    if ('local' in question && (await ask({ ...question, local: NOBODY_HAS })) === null) {
      if (!asking.every(takesEveryDomain)) findings.push(mistake(EXIT.DATA, { where, ...withoutDomain(question) }));
      continue;
    }
    const reason = `finds ${nameOf(question)} among its ${nounOf(question)}, which nobody has`;
    findings.push(mistake(EXIT.DATA, { where, reason, remedy: 'correct its query: it finds everything' }));
  }
  for (const { present, absent } of [...(store.canary?.values() ?? [])].flat()) {
    const [found, missed] = [await ask(present), await ask(absent)];
    if (found === null) {
      const advice = adviceFor(store, { message: '', code: 'canary' });
      const reason = `does not find its canary ${nameOf(present)} among its ${nounOf(present)}`;
      const remedy = `restore the data, let smmap see it, or choose a canary that exists`;
      const more = advice === null ? { remedy } : { remedy: `${remedy}; ${advice.remedy}`, commands: advice.commands };
      findings.push(mistake(EXIT.DATA, { where, reason, ...more }));
    }
    if (missed !== null && missed !== undefined) {
      const reason = `finds ${nameOf(absent)} among its ${nounOf(absent)}, which nobody has`;
      findings.push(mistake(EXIT.DATA, { where, reason, remedy: 'correct its query: it finds everything' }));
    }
  }
  const told = Array.from(failures, ([message, { cause, nouns }]) => failed(store, where, message, cause, nouns));
  return [...told, ...findings];
}

function withoutDomain(question: Question): { readonly reason: string; readonly remedy: string } {
  return {
    reason: `finds ${nameOf(question)} among its ${nounOf(question)}, so it does not compare the domain`,
    remedy: 'correct its query; or if every domain has the same users, give its maps local_domains = ["*"]',
  };
}

function failed(
  store: StoreConfig,
  where: string,
  message: string,
  cause: unknown,
  nouns: ReadonlySet<string>,
): Finding {
  const isEmpty = causesOf(cause).some((each) => each instanceof EmptyStoreError);
  const [told = '', written] = message.split(/; ([^;]*)$/s, 2);
  const advice = adviceFor(store, { message, code: codeOf(cause) });
  const remedy = advice?.remedy ?? written ?? 'start the server, or correct the keys of the store';
  const commands = advice === null || advice.commands.length === 0 ? {} : { commands: advice.commands };
  return mistake(isEmpty ? EXIT.DATA : EXIT.UNAVAILABLE, {
    where,
    reason: `cannot be asked about ${[...nouns].join(', ')}: ${told}`,
    remedy,
    ...commands,
  });
}

function adviceFor(store: StoreConfig, failure: { message: string; code: string }): Advice | null {
  return driverOf(store).advice?.(store, failure) ?? null;
}

/** What the maps ask a store. If none asks it: an example of each question that it can answer. */
function questionsFor(asking: readonly MapKind[], store: StoreConfig): readonly Question[] {
  const asked = asking.flatMap((map) => questionsOf(map).concat(wishesOf(map)));
  const all = (asked.length > 0 ? asked : [MAILBOX, FOLDER, ALIAS, DOMAIN]).filter((each) => canAnswer(store, each));
  return [...new Map(all.map((question) => [nounOf(question), question])).values()];
}

function nounOf(question: Question): string {
  if (question.about === 'mailbox') return question.folder === null ? 'mailboxes' : 'folders';
  if (question.about === 'alias') return 'aliases';
  return question.about === 'domain' ? 'domains' : `keys of the table ${kindOf(question).slice('key '.length)}`;
}

function nameOf(question: Question): string {
  if (question.about === 'domain') return question.domain;
  return question.about === 'key' ? question.key : `${question.local}@${question.domain}`;
}

function causesOf(error: unknown): readonly unknown[] {
  return error instanceof Error ? [error, ...causesOf(error.cause)] : [];
}

/** The first code among the causes of an error. */
function codeOf(error: unknown): string {
  for (const each of causesOf(error)) {
    const { code, errno } = each as { readonly code?: unknown; readonly errno?: unknown };
    if (typeof errno === 'number' && errno > 0) return String(errno); // of MySQL; those of the system are below 0
    if (typeof code === 'string') return code;
  }
  return '';
}
