// One configuration for all commands: --config, $SMMAP_CONFIG, /etc/smmap/smmap.toml, the defaults.

import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Result, run } from './command.ts';
import { type Daemon, MAIN, cli, makeFolder, serve } from './daemon.ts';

const FRED = 'fred@example.org';
const MISTAKE = '[log]\nlevl = "info"\n';
const embedded = (name: string, path: string): string => `store.${name} = { driver = "embedded", path = "${path}" }\n`;

/** Commands with a configuration in a file of a fresh folder, in which F stands for the folder. */
async function withConfig(text: string) {
  const folder = await makeFolder();
  const file = join(folder, 'smmap.toml');
  const use = (next: string): void => writeFileSync(file, next.replaceAll('F/', `${folder}/`));
  use(text);
  const smmap = async (...args: string[]): Promise<[code: number, stdout: string, stderr: string]> => {
    const { code, stdout, stderr } = await cli(args, '', { env: { SMMAP_CONFIG: file } });
    const short = (said: string): string => said.replaceAll(`${folder}/`, 'F/');
    return [code, short(stdout), short(stderr)];
  };
  const daemon = (): Promise<Daemon> => serve({ folder, config: readFileSync(file, 'utf8') });
  return { use, smmap, daemon };
}

test('every command finds the socket, the control socket and the store through $SMMAP_CONFIG', async () => {
  const { smmap, daemon } = await withConfig(
    `${embedded('a', 'F/store')}control.path = "F/control"\nlisten.x = { path = "F/x.sock" }\n`,
  );
  expect((await smmap('store', 'create'))[0]).toBe(0);
  expect(await smmap('mailbox', 'add', FRED)).toEqual([0, `added ${FRED}\n`, '']);
  await smmap('alias', 'add', 'info@example.org', FRED);
  await daemon();
  expect(await smmap('probe', FRED)).toEqual([0, `${FRED}\tOK ${FRED}\n`, '']);
  expect(await smmap('mailbox', 'list')).toEqual([0, `${FRED}\n`, '']);
  expect(await smmap('alias', 'list')).toEqual([0, `info@example.org ${FRED}\n`, '']);
  expect(await smmap('stores')).toEqual([0, expect.stringMatching(/^a +embedded /m), '']);
  expect(await smmap('cache', 'clear')).toEqual([69, '', expect.stringContaining('no store has a cache')]);
  expect(await smmap('store', 'verify')).toEqual([0, expect.stringMatching(/^F\/store: no errors/), '']);
  expect(await smmap('check')).toEqual([0, 'F/smmap.toml: no mistakes (1 listener, 1 store, 1 map)\n', '']);
  expect(await smmap('mta', 'sendmail')).toEqual([0, expect.stringContaining('F/x.sock'), expect.any(String)]);
});

test('reload names each mistake once', async () => {
  const stays = `${embedded('a', 'F/store')}listen.x.path = "F/x.sock"\n`;
  const { use, smmap, daemon } = await withConfig(`control.path = "F/control"\n${stays}`);
  await daemon();
  use(`control.path = "F/control"\nlog.levl = "info"\nlimits.idle = 1\n${stays}`);
  expect(await smmap('reload')).toEqual([
    78,
    '',
    'smmap: F/smmap.toml:2: log.levl: is not known; did you mean level?\n' +
      'smmap: F/smmap.toml:3: limits.idle: is not known; did you mean idle_ms?\n' +
      'smmap: the reload was refused, so the old configuration stays in use\n',
  ]);
});

test('probe asks the first listener with its own protocol', async () => {
  const { smmap, daemon } = await withConfig(
    'listen.a = { path = "F/a.sock", protocol = "line" }\nlisten.b.path = "F/b.sock"\nstore.f = { driver = "memory", mailboxes = ["fred@example.org"] }\n',
  );
  await daemon();
  expect(await smmap('probe', FRED)).toEqual([0, `${FRED}\tOK ${FRED}\n`, '']);
  expect(await smmap('probe', '--protocol', 'netstring', FRED)).toEqual([0, `${FRED}\tOK ${FRED}\n`, '']);
});

test('config prints the configuration in force, what differs from the defaults, and JSON', async () => {
  const { use, smmap } = await withConfig(`${embedded('a', 'F/store')}[map.mailbox]\n`);
  const [code, printed, stderr] = await smmap('config');
  expect([code, stderr]).toEqual([0, '']);
  expect(printed).toMatch(/^# the configuration in force: F\/smmap\.toml\n\nworkers = 1\n\n\[log\]\nlevel = "info"\n/);
  expect(await smmap('config', '--diff')).toEqual([
    0,
    '# what differs from the defaults: F/smmap.toml\n\n[store.a]\ndriver = "embedded"\npath = "F/store"\n\n[map.mailbox]\n',
    '',
  ]);
  const json = JSON.parse((await smmap('config', '--json'))[1]) as object;
  expect(json).toMatchObject({ limits: { deadline_ms: 4_000 }, map: { mailbox: { stores: ['a'] } } });
  use(printed.replaceAll('F/smmap', 'F/other'));
  expect(JSON.parse((await smmap('config', '--json'))[1])).toEqual(json);
  use(MISTAKE);
  expect(await smmap('config')).toEqual([
    78,
    '',
    'smmap: F/smmap.toml:2: log.levl: is not known; did you mean level?\n',
  ]);
});

test('config prints no secret of a store', async () => {
  const { smmap } = await withConfig(
    `[store.panel]\ndriver = "http"\ncanary = { mailbox = "a@b.example", alias = "a@b.example", domain = "b.example" }
     headers = { Authorization = "Bearer hush", X-API-Key = "hush", x-client = "hush" }
     mailbox = "http://localhost/m?apikey=hush&format=json&address=:address"
     alias = { post = "http://localhost/a?token=hush" }\ndomain = "http://localhost/d?key=:domain"
     [store.other]\ndriver = "http"\nmailbox = "http://localhost/:address"\ncanary = { mailbox = "a@b.example" }`,
  );
  for (const options of [[], ['--diff'], ['--json']]) {
    const [code, printed] = await smmap('config', ...options);
    expect([code, printed.includes('hush')]).toEqual([0, false]);
    expect(printed).toContain('http://localhost/m?apikey=...&format=json&address=:address');
    expect(printed).toContain('http://localhost/d?key=:domain');
  }
  const [, printed] = await smmap('config');
  expect(printed).toMatch(/^# the configuration in force: F\/smmap\.toml; secrets are replaced by "\.\.\."\n/);
  expect(printed).toContain('Authorization = "..."\nX-API-Key = "..."\nx-client = "..."');
});

describe('a mistake in the file', () => {
  const note = (line: number, count = 1): string =>
    `smmap: F/smmap.toml has ${count === 1 ? 'a mistake' : `${count} mistakes, which smmap check lists`}; a reload or restart would be refused\n` +
    `smmap: F/smmap.toml:${line}: log.levl: is not known; did you mean level?\n`;

  test('is reported, and the command still works, if the mistake does not concern it', async () => {
    const { use, smmap, daemon } = await withConfig(`${embedded('a', 'F/store')}listen.x.path = "F/x.sock"\n`);
    await smmap('store', 'create');
    await smmap('mailbox', 'add', FRED);
    await daemon();
    use(
      `${embedded('a', 'F/store')}listen.x.path = "F/x.sock"\n${MISTAKE}[store.b]\ndriver = "postgresql"\nurl = "x"\n`,
    );
    expect(await smmap('probe', FRED)).toEqual([0, `${FRED}\tOK ${FRED}\n`, note(4, 2)]);
    expect((await smmap('stores'))[2]).toBe(note(4, 2));
    expect(await smmap('mailbox', 'list')).toEqual([0, `${FRED}\n`, note(4, 2)]);
    expect((await smmap('check'))[0]).toBe(78);
    expect((await smmap('serve'))[0]).toBe(78);
    expect((await smmap('mta', 'postfix'))[0]).toBe(78);
  });

  test.for([
    ['listen.x = { path = "F/x.sock", mode = "rw" }', 'F/smmap.toml:1: listen.x.mode: '],
    ['listen.x.path = "F/x.sock', 'F/smmap.toml:1: column '],
  ] as const)(
    'is an error if it concerns the place of the socket, because another daemon may answer at the default one: %s',
    async ([text, reason]) => {
      const { smmap } = await withConfig(`${text}\n`);
      for (const [args, remedy] of [
        [['probe', FRED], 'correct the file, or name the socket to ask: --server unix:PATH'],
        [['stores'], 'correct the file, or name the control socket: --control unix:PATH'],
      ] as const) {
        const [code, stdout, stderr] = await smmap(...args);
        expect([code, stdout]).toEqual([78, '']);
        expect(stderr).toContain(reason);
        expect(stderr).toContain(remedy);
      }
      expect((await smmap('probe', '--server', 'unix:/nonexistent', FRED))[0]).toBe(74);
    },
  );

  test.for([
    ['[store.a]\ndriver = "embeded"\npath = "/x"\n', 'store.a.driver: is "embeded"'],
    ['[store.a]\ndriver = "embedded"\npath = "x"\n', 'store.a.path: "x" is not absolute'],
    ['store = 3\n', 'store: is 3'],
  ] as const)(
    'is an error if it concerns the place of the store, and nothing is written at the default one: %s',
    async ([text, reason]) => {
      const { smmap } = await withConfig(text);
      const [code, , stderr] = await smmap('mailbox', 'add', FRED);
      expect(code).toBe(78);
      expect(stderr).toContain(reason);
      expect(stderr).toContain('correct the file, or name the folder of the store: --store DIR');
    },
  );
});

test('a command that needs an embedded store says what to do if there is none, or several', async () => {
  const { use, smmap } = await withConfig('store.a = { driver = "memory", mailboxes = ["a@b"] }\n');
  expect(await smmap('mailbox', 'add', FRED)).toEqual([
    78,
    '',
    'smmap: F/smmap.toml: has no embedded store, so add and remove records in the store that it has, or name the folder of the store: --store DIR\n',
  ]);
  use(embedded('a', 'F/a') + embedded('b', 'F/b'));
  expect((await smmap('mailbox', 'list'))[2]).toBe(
    'smmap: F/smmap.toml: has several embedded stores (F/a, F/b); name the folder of the store: --store DIR\n',
  );
  use('listen.a.tcp = "127.0.0.1:2004"\n');
  expect((await smmap('stores'))[2]).toContain('has no control socket; set path in [control], or name');
});

describe('/etc/smmap/smmap.toml', () => {
  /** Types commands on a machine with this /etc and an empty /run, as a user. */
  async function onMachine(etc: Readonly<Record<string, string>>, uid: number, ...lines: string[]): Promise<Result> {
    const folder = await makeFolder();
    chmodSync(folder, 0o755);
    const files = { passwd: 'root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n', ...etc };
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(join(folder, name, '..'), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    const typed = lines.map((line) => line.replace(/^smmap/, `${process.execPath} ${MAIN}`)).join('\n');
    const script =
      'mount --bind "$1" /etc && mount -t tmpfs tmpfs /run && exec setpriv --reuid "$2" --clear-groups sh -c "$3"';
    return run('unshare', ['--mount', 'sh', '-c', script, 'sh', folder, String(uid), typed], {
      env: { HOME: '/home/ann' },
    });
  }

  test('is used by every user, and gives every user the same places', async ({ skip }) => {
    if (process.getuid?.() !== 0) skip('needs root, for an /etc of its own');
    const etc = { 'smmap/smmap.toml': '[map.mailbox]\n' };
    for (const uid of [0, 1000]) {
      const { stdout } = await onMachine(etc, uid, 'smmap check', 'smmap probe x', 'smmap mailbox list 2>&1');
      expect(stdout).toContain('/etc/smmap/smmap.toml: no mistakes (');
      expect(stdout).toContain('unix:/run/smmap/smmap.sock: the socket does not exist');
      expect(stdout).toContain('there is no store in /var/lib/smmap');
    }
    const broken = await onMachine({ 'smmap/smmap.toml': `\n${MISTAKE}` }, 0, 'smmap check');
    expect([broken.code, broken.stderr]).toEqual([
      78,
      'smmap: /etc/smmap/smmap.toml:3: log.levl: is not known; did you mean level?\n',
    ]);
  });

  test('is used only without $SMMAP_CONFIG, and both only without --config', async ({ skip }) => {
    if (process.getuid?.() !== 0) skip('needs root, for an /etc of its own');
    const etc = { 'smmap/smmap.toml': MISTAKE, 'b.toml': 'bad = 1', 'c.toml': '' };
    const { stdout, stderr } = await onMachine(
      etc,
      0,
      'smmap check',
      'export SMMAP_CONFIG=/etc/b.toml',
      'smmap check',
      'smmap check --config /etc/c.toml',
      'export SMMAP_CONFIG=',
      'smmap check',
    );
    expect([...stderr.matchAll(/\/etc\/\S+: (?=log|bad)/g)].map(String)).toEqual([
      '/etc/smmap/smmap.toml:2: ',
      '/etc/b.toml:1: ',
      '/etc/smmap/smmap.toml:2: ',
    ]);
    expect(stdout).toMatch(/^\/etc\/c\.toml: no mistakes \(.*\n$/);
  });

  test('may be missing: then the defaults are used, which depend on the user', async ({ skip }) => {
    if (process.getuid?.() !== 0) skip('needs root, for an /etc of its own');
    expect((await onMachine({}, 0, 'smmap check')).stdout).toMatch(/^the defaults: no mistakes/);
    expect((await onMachine({}, 1000, 'smmap probe x')).stdout).toContain(
      'unix:/home/ann/.local/state/smmap/smmap.sock: ',
    );
  });

  const SMMAP = {
    passwd: 'root:x:0:0::/root:/bin/sh\nsmmap:x:1000:1001::/var/lib/smmap:/bin/sh\n',
    group: 'root:x:0:\nsmmap:x:1001:\npostfix:x:59011:smmap\n',
  };
  const STORE =
    'store.people = { driver = "mysql", url = "mysql://smmap@127.0.0.1:9/mail", schema = "users", password_file = "/etc/smmap/p", canary.mailbox = "a@b" }\n';
  const COMMANDS = 'chown root:smmap /etc/smmap/p && chmod 640 /etc/smmap/p';

  test('may name a password file that the daemon cannot read: then the log has the commands to type', async ({
    skip,
  }) => {
    if (process.getuid?.() !== 0) skip('needs root, for an /etc of its own');
    const smmap = `${process.execPath} ${MAIN}`;
    const script = `
      timeout 20 ${smmap} serve &
      until [ -e /etc/run/s ]; do sleep 0.1; done
      ${smmap} probe a@b
      kill $!
      wait $!`;
    const config = `${STORE}listen.a.path = "/etc/run/s"\n`;
    const etc = { ...SMMAP, 'smmap/smmap.toml': config, 'smmap/p': '', 'run/script': script };
    const { stdout } = await onMachine(
      etc,
      0,
      'chown 1000 /etc/run; chmod 600 /etc/smmap/p',
      'exec setpriv --reuid 1000 --regid 1001 --clear-groups timeout 25 sh /etc/run/script',
    );
    expect(stdout).toContain(`/etc/smmap/p cannot be read by the user smmap: ${COMMANDS}`);
  });
});
