import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Reply } from '../../src/vocabulary.ts';
import { ask } from '../support/get.ts';
import { LONG } from '../support/long.ts';
import { startServer } from '../support/server.ts';
import { askOnce, connectTo, request } from './client.ts';
import { run } from './command.ts';
import { cli, copyProgram, makeFolder, serve } from './daemon.ts';
import { type Asked, askAnew, askOnOne, noOutcome } from './patience.ts';
import { FRED, type Team, askAll, configOf, connectAll, fixed, isAlive, serveTeam, signal } from './workers.ts';

const WAIT = { timeout: 20_000, interval: 10 };

/** The process id of one of the workers. */
function pidOf(team: Team, worker: number): number {
  return team.pids().get(worker) ?? -1;
}

/** How many of the refusals in the log each worker has written. */
function refusalsOf(team: Team): readonly number[] {
  const by = (worker: number): number =>
    team.log.filter((line) => line.event === 'refused' && line['worker'] === worker).length;
  return [by(1), by(2)];
}

/** The clients whose answers come from a worker. */
async function clientsOf(team: Team, count: number, worker: number) {
  const clients = await connectAll(team, count);
  const mine = [];
  for (const [at, client] of clients.entries()) {
    const key = `nobody-${worker}-${at}@example.org`;
    expect(await client.ask('mailbox', key)).toBe('NOTFOUND ');
    if ((await team.logged('refused', (line) => line['key'] === key))['worker'] === worker) mine.push(client);
  }
  return mine;
}

test('two workers share 40 clients that keep their connections, and answer them rightly', async () => {
  const team = await serveTeam();
  const clients = await connectAll(team, 40);
  expect(await askAll(clients, 'nobody')).toEqual(clients.map(() => 'NOTFOUND '));
  expect(await askAll(clients, 'fred')).toEqual(clients.map(() => FRED));
  await vi.waitUntil(() => refusalsOf(team).reduce((a, b) => a + b) === 40, WAIT);
  expect(Math.min(...refusalsOf(team))).toBeGreaterThanOrEqual(5); // one that is slow to take them gets fewer
});

test('a worker that is killed costs only its own clients, and another one takes its place', async () => {
  const team = await serveTeam();
  const [killed, others] = [await clientsOf(team, 10, 1), await clientsOf(team, 10, 2)];
  const before = pidOf(team, 1);
  const over = new AbortController();
  const asking = others.map(async (client) => {
    let answers = 0;
    for (; !over.signal.aborted; answers++) expect(await client.ask('mailbox', 'fred@example.org')).toBe(FRED);
    return answers;
  });
  await sleep(100);
  process.kill(before, 'SIGKILL');
  await Promise.all(killed.map(({ ended }) => ended));
  await team.logged('worker_ended', (line) => line['worker'] === 1 && line['why'] === 'SIGKILL');
  await vi.waitUntil(() => pidOf(team, 1) !== before, WAIT);
  over.abort();
  for (const answers of await Promise.all(asking)) expect(answers).toBeGreaterThan(0);
  expect(pidOf(team, 2)).not.toBe(-1);
  expect((await clientsOf(team, 20, 1)).length).toBeGreaterThan(0);
});

test('clients that connect while no worker runs wait for the next one', async () => {
  const folder = await makeFolder();
  const config = configOf(folder, fixed('fred'), 'limits.deadline_ms = 20_000'); // a start takes seconds on a busy machine
  const team = await serveTeam({ folder, config });
  for (const pid of team.pids().values()) process.kill(pid, 'SIGKILL');
  await team.logged('worker_ended');
  const askFred = (): Promise<string> => askOnce(team.socket, 'mailbox', 'fred@example.org');
  expect(await askFred().catch(askFred)).toBe(FRED); // a worker that was just killed may have been given the first connection
});

test('the workers end when the daemon is killed', async () => {
  const team = await serveTeam();
  const pids = [...team.pids().values()];
  expect(pids.map(isAlive)).toEqual([true, true]);
  await team.kill();
  await vi.waitUntil(() => !pids.some(isAlive), WAIT);
});

test('a stop half-closes the clients of all workers, and ends all processes', async () => {
  const team = await serveTeam();
  const pids = [...team.pids().values()];
  const clients = await connectAll(team, 10);
  expect(await askAll(clients, 'fred')).toEqual(clients.map(() => FRED));
  for (const { socket } of clients) socket.write(request('mailbox', 'fred@example.org'));
  const exited = team.stop();
  await Promise.all(clients.map(({ ended }) => ended));
  expect(clients.map(({ replies }) => replies)).toEqual(clients.map(() => [FRED, FRED]));
  for (const client of clients) client.close();
  expect(await exited).toBe(0);
  expect(pids.map(isAlive)).toEqual([false, false]);
  expect(team.log.map(({ event }) => event).slice(-2)).toEqual(['stopping', 'stopped']);
});

test('a signal to all processes, as a terminal sends it, is a stop in order', async () => {
  const team = await serveTeam();
  const [client] = await connectAll(team, 1);
  for (const pid of team.pids().values())
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(pid, name);
  await sleep(100);
  expect(await client?.ask('mailbox', 'fred@example.org')).toBe(FRED);
  expect(await team.stop('SIGINT')).toBe(0);
});

describe('a reload', () => {
  test('changes all workers, and clients keep their connections', async () => {
    const team = await serveTeam();
    const clients = await connectAll(team, 10);
    expect(await askAll(clients, 'joe')).toEqual(clients.map(() => 'NOTFOUND '));
    writeFileSync(join(team.folder, 'smmap.toml'), configOf(team.folder, fixed('joe')));
    const { code, stdout } = await cli(['reload', '--config', join(team.folder, 'smmap.toml')]);
    expect([code, stdout]).toEqual([0, 'stores: changed fixed\n']);
    expect(await askAll(clients, 'joe')).toEqual(clients.map(() => 'OK joe@example.org'));
    expect(await askAll(clients, 'fred')).toEqual(clients.map(() => 'NOTFOUND '));
  });

  test.each<[string, (folder: string) => string, string]>([
    ['a mistake', (folder) => `${configOf(folder, fixed('joe'))}\n[map.m]\nkinds = 1`, 'map.m.kinds: is not known'],
    [
      'another number of workers',
      (folder) => configOf(folder, fixed('joe')).replace('workers = 2', ''),
      'workers: cannot be changed from 2 to 1 by a reload',
    ],
    [
      'a listener that cannot be opened',
      (folder) => configOf(folder, fixed('joe'), 'listen.no.path = "/proc/no/s"'),
      'cannot listen on unix:/proc/no/s',
    ],
  ])('with %s changes no worker', async (_, config, reason) => {
    const team = await serveTeam();
    const clients = await connectAll(team, 10);
    writeFileSync(join(team.folder, 'smmap.toml'), config(team.folder));
    const { code, stderr } = await cli([
      'reload',
      '--config',
      join(team.folder, 'smmap.toml'),
      '--control',
      `unix:${team.socket}.control`,
    ]);
    expect(stderr).toContain(reason);
    expect(code).not.toBe(0);
    expect(await askAll(clients, 'fred')).toEqual(clients.map(() => FRED));
  });

  test('that one worker refuses changes no worker', async () => {
    const team = await serveTeam({ main: await copyProgram(/^pg$/) });
    const clients = await connectAll(team, 10);
    const needsPackage = `${fixed('joe')}\n[store.sql]\ndriver = "postgresql"\nurl = "postgresql://x@127.0.0.1/x"\nmailbox = "select 1 where :address = ''"\ncanary = { mailbox = "a@example.org" }`;
    writeFileSync(join(team.folder, 'smmap.toml'), configOf(team.folder, needsPackage));
    const { code, stderr } = await cli(['reload', '--control', `unix:${team.socket}.control`]);
    expect(stderr).toContain('npm install');
    expect(code).toBe(78);
    expect(await askAll(clients, 'fred')).toEqual(clients.map(() => FRED));
  });

  test('that a worker does not answer changes no worker, and not later either', LONG, async () => {
    const team = await serveTeam();
    const clients = await connectAll(team, 10);
    expect(await askAll(clients, 'fred')).toEqual(clients.map(() => FRED)); // all are taken
    writeFileSync(join(team.folder, 'smmap.toml'), configOf(team.folder, fixed('joe')));
    signal(pidOf(team, 1), 'SIGSTOP');
    const { code, stderr } = await cli(['reload', '--config', join(team.folder, 'smmap.toml')]);
    expect(stderr).toContain(`worker 1 does not answer; end it (kill -9 ${pidOf(team, 1)}), then reload again`);
    expect(code).toBe(73);
    process.kill(pidOf(team, 1), 'SIGCONT');
    await sleep(1_000); // what it reads at first counts as old
    expect(await askAll(clients, 'fred')).toEqual(clients.map(() => FRED));
    const again = await cli(['reload', '--config', join(team.folder, 'smmap.toml')]);
    expect(again.stdout).toBe('stores: changed fixed\n');
    expect(await askAll(clients, 'joe')).toEqual(clients.map(() => 'OK joe@example.org'));
  });
});

test('a takeover between two daemons with workers loses no lookup, also of clients that stay', async () => {
  const folder = await makeFolder();
  const first = await serveTeam({ folder });
  const kept = await connectAll(first, 10);
  const wrong: string[] = [];
  const over = new AbortController();
  let right = 0;
  const note = (answer: string, wanted: string): void => void (answer === wanted ? right++ : wrong.push(answer));
  const busy = kept.slice(0, 5).map(async (client) => {
    while (!over.signal.aborted) note(await client.ask('mailbox', 'fred@example.org').catch(String), FRED);
  });
  const anew = Array.from({ length: 4 }, async () => {
    while (!over.signal.aborted) {
      note(await askOnce(first.socket, 'mailbox', 'fred@example.org').catch(String), FRED);
      note(await askOnce(first.socket, 'mailbox', 'nobody@example.org').catch(String), 'NOTFOUND ');
    }
  });
  const second = await serveTeam({ folder, config: configOf(folder, fixed('fred', 'joe')), args: ['--takeover'] });
  await first.logged('handing_over');
  expect(await askAll(kept.slice(5), 'joe')).toEqual(Array.from({ length: 5 }, () => 'OK joe@example.org')); // the new configuration
  over.abort();
  await Promise.all([...busy, ...anew]);
  expect(wrong).toEqual([]);
  expect(right).toBeGreaterThan(50);
  await vi.waitUntil(
    async () =>
      (await cli(['stores', '--control', `unix:${second.socket}.control`])).stderr.includes('still serves 10'),
    WAIT,
  );
  for (const client of kept) client.close();
  expect(await first.stop()).toBe(0);
});

test('a start that a worker refuses is refused', async () => {
  const folder = await makeFolder();
  const config = join(folder, 'smmap.toml');
  const store = '[store.sql]\ndriver = "postgresql"\nurl = "postgresql://x@127.0.0.1/x"\nschema = "postfixadmin"';
  writeFileSync(config, configOf(folder, `${store}\ncanary = { mailbox = "a@example.org" }`));
  const main = await copyProgram(/^pg$/);
  const { code, stderr } = await run(process.execPath, [main, 'serve', '--config', config]);
  expect(stderr).toContain('npm install');
  expect(code).toBe(78);
});

describe('a process that hangs', LONG, () => {
  const inTurn = (): (() => Asked) => {
    let count = 0;
    return () => ({
      key: count % 2 === 0 ? 'fred@example.org' : `nobody${count}@example.org`,
      exists: count++ % 2 === 0,
    });
  };

  test('for 6 s gives no late answer, and clients that connect meanwhile are answered by the others', async () => {
    const team = await serveTeam();
    const [kept, anew] = [noOutcome(), noOutcome()];
    const next = inTurn();
    const until = performance.now() + 10_000;
    const asking = Array.from({ length: 20 }, () => askOnOne(team.socket, next, until, kept));
    await sleep(1_000);
    signal(pidOf(team, 1), 'SIGSTOP');
    const stoppedUntil = performance.now() + 6_000;
    while (performance.now() < stoppedUntil) {
      await Promise.race([askAnew(team.socket, next(), anew), sleep(50)]);
      await sleep(20);
    }
    signal(pidOf(team, 1), 'SIGCONT');
    await Promise.all(asking);
    await sleep(500);
    process.stderr.write(`${JSON.stringify({ kept, anew })}\n`);
    expect([kept.late, kept.wrong, anew.late, anew.wrong]).toEqual([0, [], 0, []]);
    expect(anew.ended + anew.temp).toBeLessThanOrEqual(1); // the one that was on its way to the worker
    expect(anew.ok + anew.notFound).toBeGreaterThan(20);
  });

  test('past the deadline: clients that waited for it meanwhile get TEMP, and never an answer', async () => {
    const team = await serveTeam();
    for (const pid of team.pids().values()) signal(pid, 'SIGSTOP');
    const clients = await connectAll(team, 20);
    for (const { socket } of clients) socket.write(request('mailbox', 'fred@example.org'));
    await sleep(4_200); // the deadline is after 4 s, and after 4.6 s an answer would be late
    for (const pid of team.pids().values()) process.kill(pid, 'SIGCONT');
    await vi.waitUntil(() => clients.every(({ replies, socket }) => replies.length > 0 || socket.readableEnded), WAIT);
    const replies = clients.flatMap((client) => client.replies);
    expect(replies.filter((reply) => reply !== 'TEMP deadline passed')).toEqual([]);
    expect(await askOnce(team.socket, 'mailbox', 'fred@example.org')).toBe(FRED);
  });

  test('for 6 s, if it is the one that accepts, gives no late answer either', async () => {
    const team = await serveTeam();
    const [kept, anew] = [noOutcome(), noOutcome()];
    const next = inTurn();
    const until = performance.now() + 9_000;
    const asking = Array.from({ length: 10 }, () => askOnOne(team.socket, next, until, kept));
    await sleep(500);
    signal(team.pid, 'SIGSTOP');
    const newcomers = Array.from({ length: 20 }, async (_, at) => {
      await sleep(at * 250);
      await askAnew(team.socket, next(), anew);
    });
    await sleep(6_000);
    process.kill(team.pid, 'SIGCONT');
    await Promise.all([...asking, ...newcomers]);
    process.stderr.write(`${JSON.stringify({ kept, anew })}\n`);
    expect([kept.late, kept.wrong, kept.ended, anew.late, anew.wrong]).toEqual([0, [], 0, 0, []]);
    expect(kept.ok).toBeGreaterThan(1_000); // the workers go on
    expect(await askOnce(team.socket, 'mailbox', 'fred@example.org')).toBe(FRED);
  });
});

describe('over a store with a cache', () => {
  const start = async () => {
    const folder = await makeFolder();
    const known = new Set(['fred', 'postmaster']);
    const answer = ({ key }: { readonly key: string | null }): Reply =>
      known.has(key?.split('@')[0] ?? '') ? { kind: 'OK', value: String(key) } : { kind: 'NOTFOUND' };
    const path = join(folder, 'people');
    const server = await startServer({ kind: 'unix', path, mode: 0o600, uid: -1, gid: -1 }, answer);
    onTestFinished(() => server.stop());
    const store = `[store.people]\ndriver = "socketmap"\nserver = "unix:${path}"\ncanary = { mailbox = "postmaster@example.org" }\ncache = { positive_ms = 3_600_000 }`;
    const team = await serveTeam({
      folder,
      config: configOf(folder, store, `metrics.path = "${join(folder, 'metrics')}"`),
    });
    const clients = await connectAll(team, 10);
    const forget = () => cli(['cache', 'forget', 'fred@example.org', '--control', `unix:${team.socket}.control`]);
    expect(await askAll(clients, 'fred')).toEqual(clients.map(() => FRED));
    known.delete('fred');
    expect(await askAll(clients, 'fred')).toEqual(clients.map(() => FRED)); // from the caches
    return { team, clients, forget, metrics: join(folder, 'metrics') };
  };

  test('`smmap cache forget` is done when all workers have forgotten', async () => {
    const { clients, forget } = await start();
    const { code, stdout } = await forget();
    expect([code, stdout]).toEqual([0, expect.stringContaining('2')]);
    expect(await askAll(clients, 'fred')).toEqual(clients.map(() => 'NOTFOUND '));
  });

  test('`smmap cache forget` says so if a worker does not confirm it', async () => {
    const { team, forget } = await start();
    signal(pidOf(team, 2), 'SIGSTOP');
    const { code, stderr } = await forget();
    expect(stderr).toContain(
      `worker 2 has not confirmed it, and may still answer as before; end it (kill -9 ${pidOf(team, 2)})`,
    );
    expect(code).not.toBe(0);
  });

  test('the metrics are those of all workers, and those of one that has ended stay', async () => {
    const { team, clients, metrics } = await start();
    let living = clients.length;
    for (const { ended } of clients) void ended.then(() => living--);
    const counted = async (name: string): Promise<number> =>
      Number(new RegExp(`^${name} (\\d+)$`, 'm').exec((await ask(metrics, '/metrics')).text)?.[1]);
    const replies = 'smmap_replies_total\\{map="\\*",listener="mta",result="OK"\\}';
    expect([await counted(replies), await counted('smmap_connections')]).toEqual([20, 10]);
    expect(await counted('smmap_cache_hits_total\\{store="people"\\}')).toBeGreaterThanOrEqual(10);
    expect(await counted('smmap_server_up\\{store="people",server="[^"]*"\\}')).toBe(1);
    const before = pidOf(team, 1);
    process.kill(before, 'SIGKILL');
    await vi.waitUntil(() => pidOf(team, 1) !== before, WAIT);
    expect([await counted(replies), await counted('smmap_connections')]).toEqual([20, living]);
    expect(living).toBeLessThan(10);
    const shown = await cli([
      'cache',
      'show',
      'fred@example.org',
      '--json',
      '--control',
      `unix:${team.socket}.control`,
    ]);
    expect(shown.stdout.trim().split('\n')).toHaveLength(1); // of the worker that lives
    const explained = await cli(['explain', 'fred@example.org', '--control', `unix:${team.socket}.control`]);
    expect(explained.stdout).toContain('fred@example.org');
  });
});

test('somebody who guesses addresses is seen, though each worker sees only a part', async () => {
  const folder = await makeFolder();
  const team = await serveTeam({
    folder,
    config: configOf(folder, fixed('fred'), 'harvest = { names = 50, window_s = 1 }'),
  });
  const clients = await connectAll(team, 10);
  for (let at = 0; at < 10; at++)
    await Promise.all(clients.map((client, by) => client.ask('mailbox', `a${at}.${by}@example.org`)));
  expect(await team.logged('harvest')).toMatchObject({ domain: 'example.org', misses: expect.any(Number) });
});

test('without workers, and with one, no process is added', async () => {
  for (const workers of ['', 'workers = 1']) {
    const folder = await makeFolder();
    const daemon = await serve({ folder, config: configOf(folder).replace('workers = 2', workers) });
    const children = readFileSync(`/proc/${daemon.pid}/task/${daemon.pid}/children`, 'utf8');
    expect(children).toBe('');
    const client = await connectTo(daemon.socket);
    expect(await client.ask('mailbox', 'fred@example.org')).toBe(FRED);
    client.close();
  }
});
