import { type Socket, connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { quantile } from './median.ts';
import { cpuUs, treeUs } from './proc.ts';
import { randomRequests } from './request.ts';
import type { Order, Outcome, Report } from './driver.ts';

/**
 * The load process: each connection asks, waits for the reply, and asks again. It does as little as it can for each
 * request, since a load that costs more than the server would hide what the server costs: frames are made before the
 * clock starts, all sockets read into one buffer, and a reply is known by its first letter and its last byte.
 */

const POOL = 2 ** 17; // frames, more than a run asks for at most speeds, and new ones for each run
const MOST_PER_MS = 1_000; // requests; room for the samples
const CONNECT_MS = 5_000;
const COMMA = 0x2c;
const COLON = 0x3a;
const LETTER_O = 0x4f; // OK
const LETTER_N = 0x4e; // NOTFOUND

async function run(order: Order): Promise<Report> {
  const frames = randomRequests(POOL, order);
  const waitsMs = new Float64Array((order.warmMs + order.runMs) * MOST_PER_MS);
  const buffer = Buffer.alloc(65_536);
  const sockets: Socket[] = [];
  let next = 0;
  let replies = 0;
  let found = 0;
  let notFound = 0;
  let stopped = false;
  let failed: (error: Error) => void = () => {};
  const failure = new Promise<never>((_, reject) => {
    failed = reject;
  });
  failure.catch(() => {}); // it is raced below

  /** Resolves to what starts it, once it was answered: libuv accepts one connection a turn, so that under load some would wait. */
  const open = (): Promise<() => void> => {
    let askedMs = 0;
    let opened: ((start: () => void) => void) | null = null;
    const ask = (nowMs: number): void => {
      askedMs = nowMs;
      socket.write(frames[next] as string, 'latin1');
      next = (next + 1) % POOL;
    };
    const read = (length: number): boolean => {
      if (buffer[length - 1] !== COMMA) return true; // the rest is on its way
      const nowMs = performance.now();
      if (opened !== null) {
        opened(() => ask(performance.now()));
        opened = null;
        return true;
      }
      const letter = buffer[buffer.indexOf(COLON) + 1];
      if (letter === LETTER_O) found++;
      else if (letter === LETTER_N) notFound++;
      waitsMs[replies++] = nowMs - askedMs;
      if (!stopped) ask(nowMs);
      return true;
    };
    const socket = connect({ path: order.path, onread: { buffer, callback: read } });
    sockets.push(socket);
    socket.on('close', () => {
      if (!stopped) failed(new Error('the server closed a connection'));
    });
    return new Promise((resolve, reject) => {
      socket.on('error', reject); // later ones end in `failed` through 'close'
      opened = resolve;
      ask(performance.now());
    });
  };

  try {
    const starts: (() => void)[] = [];
    while (starts.length < order.connections) starts.push(await inTime(open(), starts.length));
    for (const start of starts) start();
    await Promise.race([sleep(order.warmMs), failure]);
    replies = found = notFound = 0;
    const serverFrom = order.serverPid === null ? 0 : cpuUs(order.serverPid);
    const databaseFrom = order.databasePid === null ? 0 : treeUs(order.databasePid);
    const loadFrom = process.cpuUsage();
    const fromMs = performance.now();
    await Promise.race([sleep(order.runMs), failure]);
    const tookMs = performance.now() - fromMs;
    const loadSpent = process.cpuUsage(loadFrom);
    const serverUs = order.serverPid === null ? null : cpuUs(order.serverPid) - serverFrom;
    const databaseUs = order.databasePid === null ? null : treeUs(order.databasePid) - databaseFrom;
    const loadUs = loadSpent.user + loadSpent.system;
    const sorted = waitsMs.subarray(0, replies).toSorted();
    const other = replies - found - notFound;
    const perSecond = (replies / tookMs) * 1_000;
    return {
      perSecond,
      p50Us: quantile(sorted, 0.5) * 1_000,
      p99Us: quantile(sorted, 0.99) * 1_000,
      serverUs: serverUs === null ? null : serverUs / replies,
      serverBusy: serverUs === null ? null : serverUs / (tookMs * 1_000),
      databaseUs: databaseUs === null ? null : databaseUs / replies,
      databaseBusy: databaseUs === null ? null : databaseUs / (tookMs * 1_000),
      loadUs: loadUs / replies,
      loadBusy: loadUs / (tookMs * 1_000),
      found,
      notFound,
      other,
    };
  } finally {
    stopped = true;
    for (const socket of sockets) socket.destroy();
    await sleep(20); // the server closes its ends before the next run
  }
}

function inTime<T>(promise: Promise<T>, connections: number): Promise<T> {
  const tooLate = sleep(CONNECT_MS, undefined, { ref: false }).then(() => {
    throw new Error(`no answer within ${CONNECT_MS} ms, with ${connections} connections open`);
  });
  return Promise.race([promise, tooLate]);
}

process.on('message', (order: Order) => {
  const send = (outcome: Outcome): void => void process.send?.(outcome);
  run(order).then(
    (report) => send({ report }),
    (error: Error) => send({ error: error.message }),
  );
});
process.on('disconnect', () => process.exit());
