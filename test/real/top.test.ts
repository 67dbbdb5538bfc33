import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { connectTo } from './client.ts';
import { type Daemon, MAIN, cli, fill, makeFolder, serve } from './daemon.ts';
import { PARTS, describePart, findPrograms } from './part.ts';

const FRED = 'fred@example.org';

/** A daemon that has fred, and a map whose store does not answer. */
async function serveSome(): Promise<{
  readonly daemon: Daemon;
  readonly config: string;
  readonly control: string;
  readonly ask: () => Promise<void>;
}> {
  const folder = await makeFolder();
  await fill(join(folder, 'store'), [FRED]);
  const config = `[listen.mta]
path = "${folder}/smmap.sock"
[store.local]
driver = "embedded"
path = "${folder}/store"
[store.people]
driver = "http"
mailbox = "http://127.0.0.1:9/:address"
canary.mailbox = "${FRED}"
cache = {}
[map.mailbox]
stores = ["local"]
[map.far]
stores = ["people"]
`;
  const daemon = await serve({ folder, config });
  const client = await connectTo(daemon.socket);
  onTestFinished(() => client.close());
  return {
    daemon,
    config,
    control: `unix:${daemon.socket}.control`,
    async ask() {
      await client.ask('mailbox', FRED);
      await client.ask('mailbox', 'nobody@example.org');
      await client.ask('far', FRED);
    },
  };
}

describe('smmap top --once', () => {
  test('prints what was answered in one second, and how the stores are', async () => {
    const { control, ask } = await serveSome();
    await ask();
    const { code, stdout, stderr } = await cli(['top', '--once', '--control', control]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(
      /^smmap \S+, up \S+: healthy, ready\nconnections {2}1 now, 0 turned away, 0 ended by smmap\n/,
    );
    expect(stdout).toMatch(/^event loop {3}late by p50 <=\S+ ms, p99 <=\S+ ms; 0 stalls$/m);
    expect(stdout).toMatch(/^mailbox +0 +0 +0 +0 +<=\S+ +<=\S+ +2$/m);
    expect(stdout).toMatch(/^far +0 +0 +0 +0 +<=\S+ +<=\S+ +1$/m);
    expect(stdout).toMatch(/^mailbox +refused +absent +0 +1$/m);
    expect(stdout).toMatch(/^far +deferred +store_failed +0 +1$/m);
    expect(stdout).toMatch(/^people +http +0 +0 +\d+ +0 % +unavailable\n {2}http unavailable for \S+: .*ECONNREFUSED/m);
    expect(stdout).toMatch(/^local +embedded +0 +0 +- +- +answers$/m);
    expect(stdout).not.toContain('\x1b');
  });

  test('as JSON has the answers per second', async () => {
    const { control, ask } = await serveSome();
    const printing = cli(['top', '--json', '--control', control]);
    const ended = new AbortController();
    void printing.finally(() => ended.abort());
    while (!ended.signal.aborted) {
      await ask();
      await sleep(5);
    }
    const { code, stdout } = await printing;
    const { maps, stores } = JSON.parse(stdout) as {
      maps: { name: string; perSecond: Record<string, number> }[];
      stores: { name: string; isTroubled: boolean }[];
    };
    expect(code).toBe(0);
    const { perSecond } = maps.find(({ name }) => name === 'mailbox') ?? {};
    expect(perSecond?.['OK']).toBeGreaterThan(1);
    expect(Math.abs((perSecond?.['OK'] ?? 0) - (perSecond?.['NOTFOUND'] ?? 0))).toBeLessThanOrEqual(2);
    expect(stores.map(({ name, isTroubled }) => [name, isTroubled])).toEqual([
      ['people', true],
      ['local', false],
    ]);
  });
});

test('smmap top without a terminal says to use --once, and without a daemon what to do', async () => {
  const folder = await makeFolder();
  const remedy = 'smmap: smmap top needs a terminal; print it once instead: smmap top --once\n';
  expect(await cli(['top', '--control', `unix:${folder}/x`])).toEqual({ code: 64, stdout: '', stderr: remedy });
  const { code, stderr } = await cli(['top', '--once', '--control', `unix:${folder}/x`]);
  expect([code, stderr]).toEqual([69, expect.stringContaining('start the daemon (smmap serve)')]);
});

/** `smmap top` in a terminal of 80x24 between two `stty -g`, which print the state of the terminal. */
function openTerminal(program: string, control: string, env: Record<string, string> = {}) {
  const typed = `stty cols 80 rows 24; stty -g; '${process.execPath}' '${MAIN}' top --control '${control}'; echo "exit $?"; stty -g`;
  const child: ChildProcess = spawn(program, ['-qec', typed, '/dev/null'], {
    env: { PATH: process.env['PATH'] ?? '', SHELL: '/bin/sh', TERM: 'xterm', SMMAP_CONFIG: '/dev/null', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (more: string) => (text += more));
  /** The lines that were drawn last. */
  const screen = (): readonly string[] => {
    const [last = ''] = text.split('\x1b[H').slice(-1);
    return last.split(/\r+\n/).map((line) => line.replaceAll(/\x1b\[[\d?]*[A-Za-z]/g, ''));
  };
  return {
    screen,
    /** Waits for it, and does something meanwhile. */
    shown: (what: RegExp, meanwhile = async (): Promise<void> => {}) =>
      vi.waitUntil(
        async () => {
          await meanwhile();
          return what.test(screen().join('\n'));
        },
        { timeout: 20_000, interval: 20 },
      ),
    async type(keys: string): Promise<string> {
      child.stdin?.write(keys);
      await ended;
      return text;
    },
  };
}

describePart(
  'smmap top in a terminal',
  findPrograms('script of util-linux', PARTS, 'script', ['usr/bin'], ['script']),
  ({ bin }) => {
    const script = join(bin, 'script');

    test.each([
      ['q', 'q'],
      ['Ctrl-C', '\x03'],
    ])('shows each second anew, fits 80x24, and %s ends it', async (_, key) => {
      const { control, ask } = await serveSome();
      const terminal = openTerminal(script, control);
      await terminal.shown(/q ends it/);
      await ask();
      await terminal.shown(/^mailbox +0\.\d|^mailbox +1\.\d/m);
      await terminal.shown(/^far +deferred +store_failed/m);
      expect(terminal.screen().length).toBeLessThanOrEqual(24);
      expect(terminal.screen().filter((line) => line.length > 80)).toEqual([]);
      const text = await terminal.type(key);
      const [before, after] = text.match(/^[\da-f]+(?::[\da-f]+){10,}/gm) ?? [];
      expect(after).toBe(before);
      expect(text).toMatch(/\x1b\[\?7h\x1b\[\?25h\x1b\[\?1049lexit 0\r\n[\da-f:]+\r\n$/);
      expect(text).toContain('\x1b[31m');
    });

    test('has no colours with NO_COLOR', async () => {
      const { control, ask } = await serveSome();
      await ask();
      const terminal = openTerminal(script, control, { NO_COLOR: '1' });
      await terminal.shown(/unavailable for/);
      expect(await terminal.type('q')).not.toMatch(/\x1b\[\d*m/);
    });

    test('says that a daemon ended, and shows the one after it', async () => {
      const { daemon, config, control, ask } = await serveSome();
      const terminal = openTerminal(script, control);
      await ask();
      await terminal.shown(/^mailbox .* 2$/m);
      await daemon.kill();
      await terminal.shown(/^these numbers are \S+ old: /m);
      await serve({ folder: daemon.folder, config });
      await terminal.shown(/nothing was answered since start/);
      expect(await terminal.type('q')).toContain('exit 0');
    });
  },
);
