import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { QUIET_MS, type Settings } from '../../src/conformance/bench.ts';
import { CASES } from '../../src/conformance/cases.ts';
import { type Result, chosen, listens, runCases } from '../../src/conformance/run.ts';
import type { SocketMapProtocol } from '../../src/protocol/framing.ts';
import type { Reply, Request } from '../../src/vocabulary.ts';
import { temporaryFolders } from '../support/folder.ts';
import { KNOWN, UNKNOWN, rightServer, startMapServer } from '../support/map-server.ts';
import { startServer } from '../support/server.ts';
import { WRONG } from '../support/wrong-servers.ts';

const TIMEOUT_MS = 5_000;
const SHORT_MS = 300; // for what a wrong server leaves waiting

const folder = temporaryFolders();

function failedOf(results: readonly Result[]): string[] {
  return results.filter(({ verdict }) => verdict === 'failed').map(({ case: { id }, why }) => `${id}: ${why}`);
}

const skippedOf = (results: readonly Result[]): string[] =>
  results.filter(({ verdict }) => verdict === 'skipped').map(({ case: { id } }) => id);

async function runAll(settings: Settings): Promise<Result[]> {
  return runCases(chosen(CASES, settings, []), settings);
}

// Most of them only wait, so that they run side by side.
describe.concurrent.each<SocketMapProtocol>(['netstring', 'line'])('a server that speaks %s', (protocol) => {
  it('keeps all rules if it is right', async () => {
    const server = await startMapServer(folder(), protocol, rightServer(protocol), TIMEOUT_MS);
    const results = await runAll(server.settings);
    expect(failedOf(results)).toEqual([]);
    expect(skippedOf(results)).toEqual([]);
    server.close();
  });

  it('keeps the rules that need nothing if nothing is told about it', async () => {
    const server = await startMapServer(folder(), protocol, rightServer(protocol), TIMEOUT_MS);
    const results = await runAll({ ...server.settings, known: null, unknown: null, server: null });
    expect(failedOf(results)).toEqual([]);
    const needy = CASES.filter(({ on, needs }) => on[protocol] !== undefined && needs !== undefined);
    expect(skippedOf(results)).toEqual(needy.map(({ id }) => id));
    server.close();
  });

  it('keeps all rules if it is smmap', async ({ onTestFinished }) => {
    const answer = ({ map, key }: Request): Reply => {
      if (map !== 'mailbox') return { kind: 'TEMP', reason: 'no such map' };
      return key === KNOWN ? { kind: 'OK', value: KNOWN } : { kind: 'NOTFOUND' };
    };
    const binding = { kind: 'unix', path: `${folder()}/s.sock`, mode: 0o600, uid: -1, gid: -1 } as const;
    const server = await startServer(binding, answer, {}, protocol);
    onTestFinished(() => server.stop());
    const results = await runAll({
      endpoint: binding,
      protocol,
      map: 'mailbox',
      known: KNOWN,
      unknown: UNKNOWN,
      timeoutMs: TIMEOUT_MS,
      idleMs: 300,
      lateMs: 0,
      server: null,
    });
    expect(failedOf(results)).toEqual([]);
    for (const id of skippedOf(results)) expect(id).toMatch(/^late\//);
  });

  const cases = chosen(CASES, { protocol }, []);
  const rows = cases.map((each) => [each.id, each.rule, each] as const);
  it.each(rows)('fails %s if it is wrong: %s', async (id, _, each) => {
    const right = rightServer(protocol);
    const server = await startMapServer(folder(), protocol, { ...right, ...WRONG[id]?.(right) }, SHORT_MS);
    const [result] = await runCases([each], server.settings);
    server.close();
    expect(result?.verdict, `${result?.why}`).toBe('failed');
    expect(result?.why).not.toMatch(/^afterwards/);
  });
});

it.concurrent('a server that is silent behind a broken frame breaks the rules that say so, and no others', async () => {
  const silent = { ...rightServer('netstring'), broken() {}, ended() {} };
  const server = await startMapServer(folder(), 'netstring', silent, SHORT_MS);
  const only = ['framing/length/*', 'framing/comma/1', 'request/blank/1', 'close/half/4', 'error/*'];
  const results = await runCases(chosen(CASES, server.settings, only), server.settings);
  server.close();
  expect(failedOf(results)).toEqual(
    ['error/end/1', 'error/before/1'].map((id) => `${id}: neither a reply nor the end came within ${SHORT_MS} ms`),
  );
});

it.concurrent('a server that does not reply to who has ended its half does not hide so what it would reply', async () => {
  const right = rightServer('netstring');
  const wrong = { ...right, ...WRONG['framing/length/2']?.(right), ...WRONG['close/half/1']?.(right) };
  const server = await startMapServer(folder(), 'netstring', wrong, TIMEOUT_MS);
  const results = await runCases(chosen(CASES, server.settings, ['framing/length/2']), server.settings);
  server.close();
  expect(failedOf(results)).toEqual(['framing/length/2: the reply is OK']);
});

it.concurrent('a server is stopped only when it had time to wait for the next request', async () => {
  const right = rightServer('netstring');
  let repliedAt = 0;
  const slow: typeof right = {
    ...right,
    send(client, reply, world) {
      repliedAt = performance.now();
      right.send(client, reply, world);
    },
    resumed(world, stoppedMs) {
      const hasTimer = performance.now() - stoppedMs - repliedAt > QUIET_MS;
      if (hasTimer) right.resumed(world, stoppedMs);
      else world.go();
    },
  };
  const server = await startMapServer(folder(), 'netstring', slow, TIMEOUT_MS);
  const results = await runCases(chosen(CASES, server.settings, ['late/answer/1']), server.settings);
  server.close();
  expect(failedOf(results)).toEqual([]);
});

it.concurrent('a server that is gone after a case fails it, and is started again', async () => {
  const right = rightServer('netstring');
  const send: typeof right.send = (client, reply, world) => {
    right.send(client, reply, world);
    setImmediate(() => world.destroy());
  };
  const server = await startMapServer(folder(), 'netstring', { ...right, send }, TIMEOUT_MS);
  let revived = 0;
  const revive = async (): Promise<void> => void revived++;
  const results = await runCases(chosen(CASES, server.settings, ['reply/ok/1']), server.settings, undefined, revive);
  expect(failedOf(results)).toEqual([
    'reply/ok/1: afterwards a new client got no answer: cannot connect: the socket does not exist',
  ]);
  expect(revived).toBe(1);
});

it.concurrent('a server that failed a case is started again, although it answers', async () => {
  const right = rightServer('netstring');
  const wrong = { ...right, ...WRONG['reply/notfound/2']?.(right) };
  const server = await startMapServer(folder(), 'netstring', wrong, TIMEOUT_MS);
  let revived = 0;
  const revive = async (): Promise<void> => void revived++;
  const results = await runCases(chosen(CASES, server.settings, ['reply/*']), server.settings, undefined, revive);
  server.close();
  expect(failedOf(results)).toEqual(['reply/notfound/2: there is no blank behind NOTFOUND']);
  expect(revived).toBe(1);
});

it.concurrent('a server that answers nobody any more fails all that is left at once', async () => {
  const right = rightServer('netstring');
  const server = await startMapServer(folder(), 'netstring', { ...right, reply: () => null }, SHORT_MS);
  const results = await runCases(chosen(CASES, server.settings, ['reply/*', 'size/*']), server.settings);
  server.close();
  const [first, ...others] = failedOf(results);
  expect(first).toBe(`reply/word/1: neither a reply nor the end came within ${SHORT_MS} ms`);
  expect(others).toHaveLength(results.length - 1);
  for (const each of others) expect(each).toMatch(/: not run, because the server does not answer/);
});

// Node reads all that there is, so this server is in Perl: it reads byte by byte, and closes at the first that is wrong.
const CLOSES_EARLY = `use IO::Socket::UNIX;
my $server = IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 5);
while (my $client = $server->accept) {
  my $length = '';
  while (sysread $client, my $byte, 1) {
    if ($byte =~ /\\d/) { $length .= $byte; next; }
    last if $byte ne ':';
    sysread $client, my $rest, $length + 1;
    syswrite $client, '19:OK ${KNOWN},';
    $length = '';
  }
  close $client;
}`;

it.concurrent('a reset is seen, also if it comes together with the last reply', async () => {
  const path = join(folder(), 'map.sock');
  const server = spawn('perl', ['-e', CLOSES_EARLY, path], { stdio: 'ignore' });
  const times = { timeoutMs: TIMEOUT_MS, idleMs: 0, lateMs: 0 };
  const keys = { map: 'mailbox', known: KNOWN, unknown: null };
  const settings: Settings = {
    endpoint: { kind: 'unix', path },
    protocol: 'netstring',
    ...keys,
    ...times,
    server: null,
  };
  await expect.poll(() => listens(settings), { timeout: TIMEOUT_MS }).toBeNull();
  for (let at = 0; at < 10; at++) {
    const results = await runCases(chosen(CASES, settings, ['error/before/1']), settings);
    expect(failedOf(results)).toEqual(['error/before/1: the connection was reset']);
  }
  server.kill();
});

it.concurrent('a reply too much is found, however late a busy server sends it', async () => {
  const right = rightServer('netstring');
  const send: typeof right.send = (client, reply, world) => {
    right.send(client, reply, world);
    client.socket.pause();
    setTimeout(() => (right.send(client, 'TEMP once more', world), client.socket.resume()), 3 * QUIET_MS);
  };
  const server = await startMapServer(folder(), 'netstring', { ...right, send }, TIMEOUT_MS);
  const results = await runCases(chosen(CASES, server.settings, ['framing/reply/1']), server.settings);
  server.close();
  expect(failedOf(results)).toEqual(['framing/reply/1: the reply is TEMP, and not NOTFOUND']);
});

it('a server that replies without an end fails, and the case ends', async () => {
  const right = rightServer('netstring');
  const floods = (client: Parameters<typeof right.broken>[0]): void => {
    if (client.socket.write('5:TEMP ,'.repeat(1_000))) setImmediate(() => floods(client));
    else client.socket.once('drain', () => floods(client));
  };
  const server = await startMapServer(folder(), 'netstring', { ...right, broken: floods, ended() {} }, TIMEOUT_MS);
  const results = await runCases(chosen(CASES, server.settings, ['error/end/*', 'error/before/1']), server.settings);
  server.close();
  const failed = failedOf(results);
  expect(failed).toEqual([
    'error/end/1: more than 1000 replies came',
    'error/end/3: 200 replies came',
    'error/before/1: more than 1000 replies came',
  ]);
});

it('each wrong server is for a rule', () => {
  expect(Object.keys(WRONG)).toEqual(CASES.map(({ id }) => id));
});
