// `smmap doctor` over a daemon that asks a real PostgreSQL, which is emptied and stopped.

import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { findPostgresql } from '../support/postgresql.ts';
import { askOnce } from './client.ts';
import { cli, makeFolder, serve } from './daemon.ts';
import { PARTS, describePart } from './part.ts';

interface Found {
  readonly severity: string;
  readonly where: string;
  readonly reason: string;
  readonly remedy: string;
}

describePart('smmap doctor over PostgreSQL', findPostgresql(PARTS), (installation) => {
  test('finds a canary that is gone, and a server that is stopped', async () => {
    const server = await installation.start();
    onTestFinished(() => server.stop());
    await server.sql('create table users (address text)');
    const fill = "insert into users values ('fred@example.org'), ('wise@example.org')";
    await server.sql(fill);
    const folder = await makeFolder();
    const config = `
      listen.mta.path = "${folder}/smmap.sock"
      limits.soft_connections = 90
      limits.hard_connections = 100
      [store.people]
      driver = "postgresql"
      url = "${server.url()}"
      mailbox = "select address from users where address = :address"
      canary = { mailbox = "wise@example.org" }
      [map.mailbox]`;
    const daemon = await serve({ folder, config });
    const doctor = async (): Promise<{ code: number; found: readonly Found[] }> => {
      const { code, stdout } = await cli(['doctor', '--config', join(folder, 'smmap.toml'), '--json']);
      const found = stdout.trimEnd().split('\n').slice(0, -1);
      return {
        code,
        found: found.map((line) => JSON.parse(line) as Found).filter((each) => each.severity === 'error'),
      };
    };
    /** Asks until it has logged what a mail server could notice. */
    const logs = (event: string): Promise<unknown> =>
      vi.waitUntil(
        async () => {
          await askOnce(daemon.socket, 'mailbox', 'nobody@example.org');
          return daemon.log.find((line) => line.event === event);
        },
        { timeout: 20_000, interval: 100 },
      );

    expect(await askOnce(daemon.socket, 'mailbox', 'fred@example.org')).toBe('OK fred@example.org');
    expect(await doctor()).toEqual({ code: 0, found: [] });

    await server.sql('delete from users');
    await logs('canary_failed');
    expect(await doctor()).toMatchObject({
      code: 69,
      found: [
        {
          where: 'store people',
          reason: expect.stringMatching(
            /^postgresql: not trusted: the canary wise@example.org is not found /,
          ) as string,
          remedy: 'look at its data',
        },
      ],
    });

    await server.sql(fill);
    await logs('canary_recovered');
    expect(await doctor()).toEqual({ code: 0, found: [] });

    await server.stop();
    await logs('store_unavailable');
    expect(await doctor()).toMatchObject({
      code: 69,
      found: [
        {
          where: 'store people',
          reason: expect.stringMatching(/^postgresql: PostgreSQL at /) as string,
          remedy: 'see what to grant or start',
        },
      ],
    });
  });
});
