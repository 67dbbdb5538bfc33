import type { Config } from '../../config/config.ts';
import { createHistogram } from '../../histogram.ts';
import type { Harvest } from '../../observe/harvest/harvest.ts';
import type { Log, MapFacts } from '../../observe/log.ts';
import type { ShadowRecords } from '../../observe/shadow/records.ts';
import { ListenError } from '../../socket/claim.ts';
import { PATIENCE } from '../../socket/patience.ts';
import { MissingPackageError } from '../../store/store.ts';
import { RELOAD_MS } from '../control.ts';
import type { Self } from '../daemon.ts';
import type { Explanation } from '../explain.ts';
import type { Listeners } from '../listeners.ts';
import type { Loaded, Report, Serving } from '../serving.ts';
import { reportTo } from '../successor.ts';
import { commandsOfTeam } from './broadcast.ts';
import { CallError, isSilent } from './calls.ts';
import { type Child, startChild } from './child.ts';
import { createHandover } from './handover.ts';
import { merge, pastOf } from './merge.ts';
import { type WorkerReport, reportOf } from './report.ts';
import { createRoster } from './roster.ts';
import { viewOf } from './view.ts';
import type { Start, Words } from './worker.ts';

/** How workers are started. */
export interface Crew {
  /** The program of a worker. */
  readonly program: string;
  /** What each of them needs for its log. */
  readonly logging: Start['logging'];
  /** Writes whole lines to the log. */
  readonly write: (lines: string) => void;
  readonly harvest: Pick<Harvest, 'missed'>;
  /** What maps in shadow say in all of them. */
  readonly records: Pick<ShadowRecords, 'join'>;
  /** Is told how many requests were found, by map and listener, each second. */
  readonly counted: (maps: WorkerReport['maps']) => void;
}

const START_MS = 60_000;
const PREPARE_MS = 20_000; // a list of a million records takes some seconds
const COMMIT_MS = 5_000;
const REPORT_MS = 1_500;
const LOOK_MS = 1_000;
const HUNG_MS = 30_000; // a worker that hangs for so long is ended; as WatchdogSec= of the unit
const LAST_MS = 5_000; // for the end of a worker that has no client any more

/** What the daemon gives to those who serve. */
interface Front {
  readonly listeners: Pick<Listeners, 'ofMaps' | 'taken' | 'files'>;
  readonly self: Pick<Self, 'pid' | 'counts' | 'newest'>;
  readonly log: Log;
}

/**
 * Serves clients in several workers. Each is a process with stores and caches of its own. This process accepts, and reads from
 * no client. Rejects if a worker cannot serve.
 */
export async function createTeam(first: Loaded, crew: Crew, { listeners, self, log }: Front): Promise<Serving> {
  let current = first;
  let past: WorkerReport | null = null;
  let leave = (): void => {};
  let looking: Promise<void> | null = null;
  const reports = new Map<Child, WorkerReport>();
  const answeredAt = new WeakMap<Child, number>();

  const limits = (): Config['limits'] => current.config.limits;
  const latestMs = (): number => limits().deadlineMs * PATIENCE;
  const handover = createHandover(
    () => roster.serving,
    latestMs,
    () => log.connectionEnded('late answer'),
  );
  const handlers = {
    taken: () => ({ taken: listeners.taken(), files: listeners.files() }),
  };
  const start = (number: number): Child =>
    startChild(number, crew.program, handlers, {
      free: handover.next,
      givenBack: handover.giveBack,
      told({ missed, shadowed }: Words) {
        for (const [map, listener, key] of missed) crew.harvest.missed(map as MapFacts, listener, key);
        if (shadowed.length > 0) crew.records.join(shadowed);
      },
      wrote: crew.write,
    });
  const greet = async (child: Child): Promise<void> => {
    const { source, config } = current;
    const told: Start = { number: child.number, workers: config.workers, source, logging: crew.logging };
    await child.call('start', told, START_MS);
    answeredAt.set(child, performance.now());
  };
  const lost = (child: Child): void => {
    const report = reports.get(child);
    reports.delete(child);
    if (report === undefined) return;
    past = past === null ? pastOf(report) : merge(past, pastOf(report));
  };
  const roster = createRoster(first.config.workers, start, greet, lost, log);

  const lookAt = async (child: Child): Promise<void> => {
    try {
      const report = await child.call('report', null, REPORT_MS);
      reports.set(child, report as WorkerReport);
      answeredAt.set(child, performance.now());
    } catch (error) {
      const silentMs = performance.now() - (answeredAt.get(child) ?? performance.now());
      if (!isSilent(error) || silentMs < HUNG_MS) return; // its last report counts until it has ended
      log.workerHangs(child.number, child.pid, silentMs);
      child.kill();
    }
  };
  const look = (): Promise<void> =>
    (looking ??= Promise.all(roster.serving.map(lookAt)).then(() => void (looking = null)));
  const merged = (): WorkerReport | null => {
    const all = [...reports.values(), ...(past === null ? [] : [past])];
    return all.length === 0 ? null : all.reduce(merge);
  };
  const timer = setInterval(() => {
    for (const child of roster.serving) child.look(latestMs());
    void look().then(() => crew.counted(merged()?.maps ?? new Map()));
  }, LOOK_MS).unref();
  const observe = async (): Promise<Report> => {
    await look();
    const own = await reportOf(self.counts, 0, createHistogram(), new Map(), self.newest);
    const all = merged();
    const { config } = current;
    return viewOf(all === null ? own : merge(own, all), self.counts.configuration, config.stores.keys());
  };

  /** Asks all who run. What those would say who end meanwhile does not count: they are replaced. */
  const askAll = async (name: string, argument: unknown, timeoutMs: number | null): Promise<Failure | null> => {
    const asked = roster.all.map(async (child): Promise<Failure | null> => {
      try {
        await child.call(name, argument, timeoutMs);
        return null;
      } catch (error) {
        return roster.all.includes(child) ? { child, error } : null;
      }
    });
    return (await Promise.all(asked)).find((failure) => failure !== null) ?? null;
  };
  /** All workers do this and end; none is replaced. */
  const last = async (name: string): Promise<void> => {
    roster.close();
    await handover.drained();
    const { all } = roster;
    await Promise.all(
      all.map(async (child) => {
        await child.call(name, null, null).catch(() => {});
        setTimeout(() => child.kill(), LAST_MS).unref();
      }),
    );
    await roster.empty();
    leave();
  };
  const report = (): void => {
    leave = reportTo(current.config.control, () => ({ pid: self.pid, clients: countOfClients() }));
  };
  const countOfClients = (): number => roster.all.reduce((sum, { clients }) => sum + clients, handover.waiting);

  try {
    await roster.fill();
  } catch (error) {
    clearInterval(timer);
    throw asOurs(error);
  }

  return {
    get clients() {
      return countOfClients();
    },
    accept(socket, since, protocol, listener) {
      const open = roster.all.reduce((sum, { served }) => sum + served, handover.waiting); // each looks at its own share, too
      if (open < limits().hardConnections) return handover.accept({ socket, since, protocol, listener });
      log.connectionRefused(open);
      socket.destroy();
    },
    commands: commandsOfTeam(() => roster),
    async explain(request) {
      const [child] = roster.serving;
      if (child === undefined) throw new ListenError('no worker runs at the moment');
      return (await child.call('explain', request, RELOAD_MS)) as Explanation;
    },
    observe,
    started() {},
    prepare: (next) =>
      new Promise((resolve, reject) => {
        const exchange = async (): Promise<void> => {
          const failure = await askAll('prepare', next.source, PREPARE_MS);
          if (failure !== null) {
            void askAll('abandon', null, null); // the steps of a reload have their order, also in a worker that is slow
            return reject(isSilent(failure.error) ? silent(failure.child) : asOurs(failure.error));
          }
          await new Promise<void>((decided) => {
            resolve({
              async commit() {
                current = next;
                await Promise.all(roster.all.map((child) => commit(child)));
                decided();
              },
              async abandon() {
                await askAll('abandon', null, COMMIT_MS);
                decided();
              },
            });
          });
        };
        roster.undisturbed(exchange).catch(reject);
      }),
    retire() {
      roster.close();
      void askAll('retire', listeners.ofMaps, null);
      report();
    },
    finish: () => last('finish'),
    stop() {
      report();
      return last('stop');
    },
    end: () => last('end'),
    async close() {
      clearInterval(timer);
      roster.close();
      for (const child of roster.all) child.kill();
      await roster.empty();
    },
  };

  /** A worker that does not change is replaced by one with the new configuration. */
  async function commit(child: Child): Promise<void> {
    try {
      await child.call('commit', null, COMMIT_MS);
    } catch {
      child.kill();
    }
  }
}

interface Failure {
  readonly child: Child;
  readonly error: unknown;
}

function silent({ number, pid }: Child): ListenError {
  return new ListenError(`worker ${number} does not answer; end it (kill -9 ${pid}), then reload again`);
}

/** The error of a worker, as this process would throw it. */
function asOurs(error: unknown): unknown {
  if (!(error instanceof CallError)) return error;
  return error.kind === MissingPackageError.name ? new MissingPackageError(error.message) : error;
}
