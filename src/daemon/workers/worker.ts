import type { Socket } from 'node:net';
import type { Config } from '../../config/config.ts';
import { type Source, parseSource } from '../../config/load.ts';
import type { Log, MapFacts } from '../../observe/log.ts';
import { watchLoop } from '../../observe/loop-delay.ts';
import type { LogOptions } from '../../observe/open.ts';
import type { ShadowHour, ShadowRecord } from '../../observe/shadow/record.ts';
import type { Protocol } from '../../protocol/framing.ts';
import { watchDescriptors } from '../../socket/descriptors.ts';
import { createIntake } from '../../socket/intake.ts';
import { startTurns } from '../../socket/turn.ts';
import type { OpenStore } from '../../store/open.ts';
import type { Request } from '../../vocabulary.ts';
import type { Self } from '../daemon.ts';
import type { MapListener } from '../listeners.ts';
import type { Prepared, Serving } from '../serving.ts';
import { createSolo } from '../solo.ts';
import { type Handlers, createCalls } from './calls.ts';
import { fromClock } from './clock.ts';
import type { Told } from './flight.ts';
import { type Paths, createHeirs } from './heirs.ts';
import { reportOf } from './report.ts';

/** What a worker is told when it starts. */
export interface Start {
  readonly number: number;
  /** How many workers there are: each has its share of the connections. */
  readonly workers: number;
  readonly source: Source;
  readonly logging: Omit<LogOptions, 'settings' | 'worker'>;
}

/** A request for an address that is absent: its map, its listener, its key. */
export type Missed = readonly [map: Pick<MapFacts, 'name' | 'defaultDomain'>, listener: string, key: string | null];

/** The log of a worker, and what counts it. */
export interface WorkerLog {
  readonly log: Log;
  readonly self: Pick<Self, 'pid' | 'counts' | 'newest'>;
  set(config: Config): void;
  /** What the process that listens must know, since the last call. Null: nothing. */
  words(): Words | null;
}

/** What one process must see of all workers: who guesses addresses, and what maps in shadow say. */
export interface Words {
  /** The requests for absent addresses. */
  readonly missed: readonly Missed[];
  readonly shadowed: readonly (ShadowRecord | ShadowHour)[];
}

/** The process that started this one. */
export interface Parent {
  send(message: object): void;
  onMessage(take: (message: object, socket: Socket | undefined) => void): void;
}

/** What comes with a connection that is given to a worker; `since` is of the clock of the machine. A list is short as JSON. */
export type Given = readonly [since: number, protocol: Protocol, listener: string];

const TELL_MS = 100;
const TELL_TAKEN = 16; // so that short connections are not taken for many that are open
const ASK_MS = 4_000;

/** Serves the clients that its parent gives it, until that says that it is over. `openLog` is called once. */
export function startWorker(
  parent: Parent,
  openLog: (start: Start, config: Config) => Promise<WorkerLog>,
  over: () => Promise<void>,
): void {
  let tell = (_config: Start): void => {};
  const begun = new Promise<Start>((resolve) => (tell = resolve));
  const working = begun.then((start) =>
    createWorking(start, openLog, parent, async () => (await calls.call('taken', null, ASK_MS)) as Paths),
  );
  working.catch(() => {}); // the call of `start` says why
  let next: { readonly config: Config; readonly prepared: Prepared } | null = null;

  let last: Promise<unknown> = Promise.resolve();

  /** Reloads go one after the other, also if this process stood still and finds several steps of them at once. */
  const inOrder =
    (step: (argument: never) => Promise<void>) =>
    (argument: unknown): Promise<void> => {
      const done = last.then(() => step(argument as never));
      last = done.catch(() => {});
      return done;
    };
  const closing = (end: (serving: Serving) => Promise<void>) => async (): Promise<void> => {
    const worker = await working;
    await end(worker.serving);
    await worker.close();
    setImmediate(() => void over());
  };
  const handlers: Handlers = {
    async start(start: Start) {
      tell(start);
      await working;
    },
    ping: () => null,
    async command({ name, argument }: { readonly name: string; readonly argument: string }) {
      const { serving } = await working;
      return serving.commands[name]?.(argument);
    },
    explain: async (request: Request & { readonly key: string }) => (await working).serving.explain(request),
    report: async () => (await working).report(),
    prepare: inOrder(async (source: Source) => {
      const [{ serving }, { workers }] = [await working, await begun];
      const config = await configOf(source, workers);
      next = { config, prepared: await serving.prepare({ config: { ...config, metrics: null }, source }) };
    }),
    commit: inOrder(async () => {
      if (next === null) throw new Error('no configuration is prepared');
      await next.prepared.commit();
      (await working).apply(next.config);
      next = null;
    }),
    abandon: inOrder(async () => {
      await next?.prepared.abandon();
      next = null;
    }),
    retire: async (places: readonly MapListener[]) => (await working).retire(places),
    finish: closing((serving) => serving.finish()),
    stop: closing((serving) => serving.stop()),
    end: closing((serving) => serving.end()),
  };
  const calls = createCalls((message) => parent.send(message), handlers);
  parent.onMessage((message, socket) => {
    if (calls.take(message)) return;
    void working.then((worker) => worker.take(message as unknown as Given, socket));
  });
}

/** What a worker does from its start on. */
async function createWorking(
  { source, workers, ...start }: Start,
  openLog: (start: Start, config: Config) => Promise<WorkerLog>,
  parent: Parent,
  ask: () => Promise<Paths>,
) {
  const config = await configOf(source, workers);
  const opened = await openLog({ source, workers, ...start }, config);
  const { log, self } = opened;
  const turns = startTurns((forMs) => log.stalled(forMs));
  const intake = createIntake(turns);
  const descriptors = watchDescriptors((cause) => log.acceptFailed('all', cause));
  const loop = watchLoop();
  const { heirs, changed, inherit } = createHeirs(ask);
  const serving = await createSolo({ ...config, metrics: null }, { turns, intake, listeners: heirs, self, log });
  if (start.number === 1) serving.started(); // one of them warns of what is so for all
  let taken = 0;
  let told: Told = { clients: 0, taken };
  const tell = (): void => {
    told = { clients: serving.clients, taken };
    parent.send(told);
  };
  const speak = (): void => {
    const words = opened.words();
    if (words !== null) parent.send(words);
  };
  const timer = setInterval(() => {
    if (serving.clients !== told.clients || taken !== told.taken) tell();
    speak();
  }, TELL_MS).unref();
  return {
    serving,
    take([since, protocol, listener]: Given, socket: Socket | undefined): void {
      taken++;
      if (socket !== undefined) {
        socket.allowHalfOpen = true;
        serving.accept(socket, fromClock(since), protocol, listener);
      }
      if (socket === undefined || taken - told.taken >= TELL_TAKEN) tell(); // Node acknowledges only sockets
    },
    report: async () => {
      const { connections, stores } = await serving.observe();
      return reportOf(self.counts, connections, loop.delays, stores as ReadonlyMap<string, OpenStore>, self.newest);
    },
    apply(next: Config): void {
      opened.set(next);
      changed();
    },
    retire(places: readonly MapListener[]): void {
      inherit(places);
      serving.retire();
    },
    async close(): Promise<void> {
      clearInterval(timer);
      descriptors.close();
      loop.close();
      turns.close();
      await serving.close();
      speak();
    },
  };
}

/** The configuration of a worker: its share of the connections, and only what serves the maps. */
async function configOf(source: Source, workers: number): Promise<Config> {
  const config = await parseSource(source);
  const { softConnections, hardConnections } = config.limits;
  const limits = {
    ...config.limits,
    softConnections: Math.ceil(softConnections / workers),
    hardConnections: Math.ceil(hardConnections / workers),
  };
  return { ...config, limits, control: null };
}
