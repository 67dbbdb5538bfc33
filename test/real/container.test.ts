// The Containerfile, without an engine: its steps in a whole Debian with this machine's Node, then its command with a root
// that nobody can write, no capabilities, and nothing writable but the volumes.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { openPage } from '../support/page.ts';
import { run } from './command.ts';
import { ROOT, STAGES, linesOf, listOf, said } from './container.ts';
import { type Debian, findRoot } from './debian.ts';
import { PARTS, describePart } from './part.ts';

const page = openPage('docs/container.md');
const [build, start, use] = [page.take('Build it'), page.take('Run it'), page.take('Use it')];
const volumes = listOf(said('VOLUME'));

test('docs/container.md builds it with its health check, and runs it with its volumes and without rights', () => {
  expect(build).toContain('--format docker');
  expect([...start.matchAll(/--volume \S+:(\S+)/g)].map(([, to]) => to)).toEqual(volumes);
  for (const how of ['--read-only ', '--cap-drop=all', '--security-opt=no-new-privileges'])
    expect(start).toContain(how);
});

test('what the steps copy is in the context', () => {
  const copied = STAGES.flat().filter(({ instruction, rest }) => instruction === 'COPY' && !rest.startsWith('--from'));
  const names = copied.flatMap(({ rest }) => rest.split(' ').slice(0, -1));
  expect(readFileSync(join(ROOT, '.dockerignore'), 'utf8')).toBe(`*\n${names.map((name) => `!${name}\n`).join('')}`);
});

describePart('the container', await findRoot(PARTS, 'trixie'), (trixie) => {
  let debian: Debian;
  let pid: string;
  /** What an engine starts in the container, as its user: the command, the health check, and what `exec` names. */
  const exec = (command: string): string =>
    `chroot "$ROOT" setpriv --reuid=${said('USER')} --regid=${said('USER')} --clear-groups --bounding-set=-all \\
       --inh-caps=-all --no-new-privs env ${said('ENV')} ${command}`;
  const health = listOf(said('HEALTHCHECK')).join(' ');

  beforeAll(async () => {
    debian = await trixie.start();
    const npm = await run('sh', ['-c', 'readlink -f "$(command -v npm)"']);
    const cache = await run('npm', ['config', 'get', 'cache'], { env: { HOME: process.env['HOME'] ?? '' } });
    // As in the image, Node is in /usr/local/bin. No network is here: npm has what it needs since `npm ci`.
    await debian.done(`rm /usr/bin/node; mv build/node /usr/local/bin
printf '#!/bin/sh\\nexec node /srv/old${npm.stdout.trim()} "$@"\\n' > /usr/local/bin/npm; chmod +x /usr/local/bin/npm`);
    const [builder = [], last = []] = STAGES;
    const offline = `export npm_config_offline=true npm_config_cache=/srv/old${cache.stdout.trim()}`;
    await debian.done(`${offline}\n${linesOf(builder, `/srv/old${ROOT}`)}`);
    await debian.done(`${linesOf(last, '')}\nrm -rf /build /root/.npm`);
    const mounts = volumes.map(
      (volume) =>
        `owner=$(stat -c 'uid=%u,gid=%g,mode=%a' "$ROOT${volume}"); mount -t tmpfs -o $owner tmpfs "$ROOT${volume}"`,
    );
    await debian.besides(`for each in "$ROOT" "$ROOT/run"; do mount -o remount,bind,ro "$each"; done
${mounts.join('\n')}`);
    return () => debian.stop();
  }, 300_000);

  test('serves, and is healthy, with a root that is only read and without any capability', async () => {
    pid = await debian.besides(`${exec(listOf(said('CMD')).join(' '))} > /dev/null 2>&1 &
echo $!; for each in $(seq 50); do ${exec(health)} > /dev/null 2>&1 && break; sleep 0.1; done`);
    expect(await debian.besides(exec(health))).toMatch(/^healthy\n/); // it has no store: it is not ready
    await expect(debian.besides(`touch "$ROOT/usr/anything"`)).rejects.toThrow('Read-only file system');
    const status = await debian.done(`cat /proc/${pid.trim()}/status`);
    expect(status).toMatch(/^Uid:\t990\t/m);
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(status).toMatch(/^CapBnd:\t0+$/m);
  });

  test('replies as the page says', async () => {
    const [create = '', add = '', probe = ''] = use
      .trim()
      .split('\n')
      .map((line) => line.replace('podman exec smmap ', ''));
    await debian.besides(exec(create));
    await debian.besides(exec(add));
    expect(await debian.besides(exec(probe))).toBe('fred@example.org\tOK fred@example.org\n');
    expect(await debian.besides(`${exec('smmap probe nobody@example.org')} || true`)).toBe(
      'nobody@example.org\tNOTFOUND\n',
    );
  });

  test('has no package of the tests, and no compiler', async () => {
    const names = await debian.done('ls /usr/lib/smmap /usr/lib/smmap/node_modules');
    for (const name of ['lmdb', 'pg', 'ldapts']) expect(names.split('\n')).toContain(name);
    for (const name of ['typescript', 'vitest', 'src']) expect(names.split('\n')).not.toContain(name);
  });

  test('ends when it is told to, and is not healthy without a daemon', async () => {
    await debian.done(`kill ${pid}while [ -e /proc/${pid.trim()} ]; do sleep 0.1; done`);
    await expect(debian.besides(exec(health))).rejects.toThrow('not healthy');
  });
});
