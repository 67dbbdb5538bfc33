import type { Config } from '../config/config.ts';
import type { Log } from '../observe/log.ts';
import { FRAMINGS } from '../protocol/framing.ts';
import { POLICY, type PolicyOptions, policyFraming } from '../protocol/policy.ts';
import { createClients } from '../socket/clients.ts';
import type { Intake } from '../socket/intake.ts';
import type { Turns } from '../socket/turn.ts';
import type { OpenStore } from '../store/open.ts';
import type { Request } from '../vocabulary.ts';
import { commandsOf } from './control.ts';
import type { Self } from './daemon.ts';
import { type Answering, explain, explainTo } from './explain.ts';
import { closeStores } from './maps.ts';
import { run, warnOf } from './running.ts';
import type { Serving } from './serving.ts';
import { isInShadow, replyWithoutAnswer } from './shadows.ts';
import { type Heirs, type Successor, createSuccession } from './successor.ts';

/** What a process needs to serve clients. */
export interface Process {
  readonly turns: Turns;
  readonly intake: Intake;
  readonly listeners: Heirs;
  readonly self: Pick<Self, 'pid' | 'counts'>;
  readonly log: Log;
}

/**
 * Serves clients in this process: stores, maps that ask the stores, and clients that ask the maps. A store that cannot be
 * opened does not stop the start, because TEMP is better than no answer. Rejects if the package of a driver is missing.
 */
export async function createSolo(first: Config, { turns, intake, listeners, self, log }: Process): Promise<Serving> {
  let running = await run(first, null, log);
  const retired = new Set<OpenStore>();
  let successor: Successor | null = null;
  let storesClosed: Promise<void> | null = null;

  const clients = createClients(
    {
      get limits() {
        return running.config.limits;
      },
      turns,
      intake,
      answer: (request, sendable) => succession.answer(request, sendable),
      deferred: (why, request, asked, sendable) => {
        const { isReplaced } = succession;
        if (request !== null) return replyWithoutAnswer(why, request, sendable, { ...running, isReplaced }, log);
        log.refusedHere(request, why, asked);
        return null;
      },
      ended: (why) => log.connectionEnded(why),
    },
    () => log.connectionRefused(clients.count),
  );
  const succession = createSuccession({
    answer: (request, sendable) => running.answer(request, sendable),
    config: () => running.config,
    listeners,
    older: () => ({ pid: self.pid, clients: clients.count }),
    isInShadow: (request) => isInShadow(running.config, request),
    failed: (request, reply, cause) => log.answered(request, reply, cause, running.facts(request)),
  });
  const answering = (): Answering => ({ config: running.config, ...running.maps });
  const close = (): Promise<void> => (storesClosed ??= closeStores([...running.maps.stores.values(), ...retired]));
  const closeLater = (stores: readonly OpenStore[], deadlineMs: number): void => {
    for (const store of stores) {
      retired.add(store);
      // By then, its questions are answered or past their deadline.
      setTimeout(() => {
        retired.delete(store);
        void closeStores([store]);
      }, deadlineMs).unref();
    }
  };
  const retire = (isReplaced: boolean): void => {
    setTimeout(() => void close(), running.config.limits.deadlineMs).unref();
    successor = succession.begin(isReplaced);
  };
  return {
    get clients() {
      return clients.count;
    },
    accept(socket, since, protocol, listener) {
      const policy = (): PolicyOptions => running.config.listeners.get(listener)?.policy ?? POLICY;
      const refuses = (request: Request): boolean => !succession.isPassedOn(request) && running.facts(request).refuses;
      const framing = protocol === 'policy' ? policyFraming(policy, refuses) : FRAMINGS[protocol];
      clients.accept(socket, since, framing, listener);
    },
    commands: {
      ...commandsOf(() => running.maps.stores),
      explain: (argument) => explainTo(argument, answering()),
    },
    explain: (request) => explain(request, answering()),
    observe: () => ({ counts: self.counts, connections: clients.count, stores: running.maps.stores }),
    started: () => warnOf(running, log),
    async prepare({ config }) {
      const old = running;
      const next = await run(config, old, log);
      const [before, after] = [new Set(old.maps.stores.values()), new Set(next.maps.stores.values())];
      return {
        async commit() {
          running = next;
          warnOf(next, log);
          closeLater(without(before, after), old.config.limits.deadlineMs);
        },
        abandon: () => closeStores(without(after, before)),
      };
    },
    retire: () => retire(true),
    async finish() {
      // If the other daemon cannot be asked, it is better to half-close the clients: then they connect again.
      if (successor?.isKnown === true) await clients.finish(running.config.limits.handoverMs);
      successor?.leave();
    },
    async stop() {
      const { closed } = await clients.halfClose(running.config.limits.stopMs);
      retire(false);
      await closed;
      successor?.leave();
    },
    end: () => clients.close(),
    close,
  };
}

function without<T>(all: ReadonlySet<T>, some: ReadonlySet<T>): readonly T[] {
  return [...all].filter((each) => !some.has(each));
}
