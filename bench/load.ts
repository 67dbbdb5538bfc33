import { type Socket, connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Endpoint } from '../src/endpoint.ts';
import { DIALECTS, type DialectName, type Verdict } from './dialect.ts';
import { cpuUs, treeUs } from './proc.ts';
import { serveOrders } from './processes.ts';
import { type Questions, randomFrames } from './questions.ts';
import { quantile } from './rounds.ts';

/**
 * The load, a process of its own: some connections, each of which asks, waits for the reply, and asks again.
 *
 * It does as little as it can for each request, or it would measure itself: the frames are made before the clock starts,
 * all sockets read into one buffer, and of a reply only what is needed is looked at.
 */

/** One run. */
export interface LoadOrder extends Questions {
  readonly endpoint: Endpoint;
  readonly dialect: DialectName;
  /** Questions that go in one write, if it is more than smmap speaks. */
  readonly atOnce: number;
  /** Its children count with it. Null: the load is a bare client, and its own CPU time counts. */
  readonly serverPid: number | null;
  /** The first process of the database behind the server. */
  readonly databasePid: number | null;
  readonly connections: number;
  /** After so many replies, a connection is closed and replaced by a new one; null: it asks again and again. */
  readonly perConnection: number | null;
  readonly warmMs: number;
  readonly runMs: number;
}

export interface LoadReport {
  readonly perSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** CPU time of the server, or of a bare client, for each request. */
  readonly cpuUs: number;
  /** The share of one core that the server used. */
  readonly busy: number;
  readonly databaseUs: number | null;
  /** CPU time of the load for each request. */
  readonly loadUs: number;
  readonly found: number;
  readonly notFound: number;
  /** Replies that were neither OK nor NOTFOUND. */
  readonly other: number;
}

const FRAMES = 2 ** 15;
const MOST_PER_MS = 1_000; // requests; room for the samples
const CONNECT_MS = 5_000;
const CLOSE_MS = 20; // the server sees the end of its connections before the next run begins

async function run(order: LoadOrder): Promise<LoadReport> {
  const dialect = DIALECTS[order.dialect];
  const frames = randomFrames(FRAMES, order, (map, key) => dialect.frameOf(map, key));
  const serverPid = order.serverPid ?? process.pid;
  const waitsMs = new Float64Array((order.warmMs + order.runMs) * MOST_PER_MS);
  const buffer = Buffer.alloc(65_536);
  const sockets = new Set<Socket>();
  let asked = 0;
  let replies = 0;
  let found = 0;
  let notFound = 0;
  let stopped = false;
  let fail: (error: Error) => void = () => {};
  const failure = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failure.catch(() => {}); // it is raced below

  const nextFrame = (): string => {
    if (order.atOnce === 1) return frames[asked++ % FRAMES] as string;
    return Array.from({ length: order.atOnce }, () => frames[asked++ % FRAMES]).join('');
  };
  const count = (verdict: Verdict, waitedMs: number): void => {
    if (verdict === 'found') found += order.atOnce;
    else if (verdict === 'absent') notFound += order.atOnce;
    for (let nth = 0; nth < order.atOnce; nth++) waitsMs[replies++] = waitedMs;
  };
  /** Connects, calls `greeted` when it may ask, and `answered` for each whole reply. */
  const open = (greeted: (socket: Socket) => void, answered: (verdict: Verdict) => void): Socket => {
    const take = dialect.createReader(order.atOnce);
    const read = (length: number): boolean => {
      const taken = take(buffer, length);
      if (taken === 'welcome') hello();
      else if (taken === 'greeted') greeted(socket);
      else if (taken !== null) answered(taken);
      return true;
    };
    const socket = connect({ ...order.endpoint, noDelay: true, onread: { buffer, callback: read } });
    const hello = (): void => void socket.write(dialect.hello ?? '');
    sockets.add(socket);
    socket.on('error', fail);
    socket.on('close', () => {
      if (sockets.delete(socket) && !stopped) fail(new Error('the server closed a connection'));
    });
    if (dialect.hello === null) greeted(socket);
    else if (!dialect.welcomes) hello();
    return socket;
  };

  /**
   * Asks, waits for the reply, and asks again. Resolves, after a first reply, to what starts this: libuv accepts slowly
   * while others are under load.
   */
  const createClient = (): Promise<(nowMs: number) => void> =>
    new Promise((resolve) => {
      let socket: Socket | null = null;
      let askedMs = 0;
      let started = false;
      let answers = 0;
      const ask = (nowMs: number): void => {
        askedMs = nowMs;
        if (socket === null) socket = open((opened) => opened.write(nextFrame(), 'latin1'), answered);
        else socket.write(nextFrame(), 'latin1');
      };
      const answered = (verdict: Verdict): void => {
        const nowMs = performance.now();
        if (started) count(verdict, nowMs - askedMs);
        if (++answers === order.perConnection && socket !== null) {
          answers = 0;
          sockets.delete(socket);
          socket.destroy();
          socket = null;
        }
        if (started && !stopped) ask(nowMs);
        if (!started) resolve(ask);
        started = true;
      };
      ask(performance.now());
    });

  try {
    const starts: ((nowMs: number) => void)[] = [];
    while (starts.length < order.connections) {
      starts.push(await Promise.race([createClient(), failure, tooLate(starts.length)]));
    }
    for (const start of starts) start(performance.now());
    await Promise.race([sleep(order.warmMs), failure]);
    replies = found = notFound = 0;
    const serverFrom = treeUs(serverPid); // with its workers
    const databaseFrom = order.databasePid === null ? null : treeUs(order.databasePid);
    const loadFrom = cpuUs(process.pid);
    const fromMs = performance.now();
    await Promise.race([sleep(order.runMs), failure]);
    const tookMs = performance.now() - fromMs;
    const serverUs = treeUs(serverPid) - serverFrom;
    const loadUs = cpuUs(process.pid) - loadFrom;
    if (replies === 0) throw new Error(`no reply within ${Math.round(tookMs)} ms`);
    const sorted = waitsMs.subarray(0, replies).toSorted();
    return {
      perSecond: (replies / tookMs) * 1_000,
      p50Us: quantile(sorted, 0.5) * 1_000,
      p99Us: quantile(sorted, 0.99) * 1_000,
      cpuUs: serverUs / replies,
      busy: serverUs / (tookMs * 1_000),
      databaseUs: databaseFrom === null ? null : (treeUs(order.databasePid as number) - databaseFrom) / replies,
      loadUs: loadUs / replies,
      found,
      notFound,
      other: replies - found - notFound,
    };
  } finally {
    stopped = true;
    for (const socket of sockets) socket.destroy();
    await sleep(CLOSE_MS);
  }
}

async function tooLate(connections: number): Promise<never> {
  await sleep(CONNECT_MS, undefined, { ref: false });
  throw new Error(`no reply within ${CONNECT_MS} ms, with ${connections} connections open`);
}

serveOrders(run);
